package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A value is wrong: a field of a configuration, a shape, an element type, an option. */
public final class OFTArgumentException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code INVALID_ARGUMENT}.
   *
   * @param message names thing, value and remedy
   */
  public OFTArgumentException(String message) {
    super(OftC.OFT_STATUS_INVALID_ARGUMENT(), message);
  }
}
