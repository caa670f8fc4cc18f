package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A defect of oft itself; please report it with the message. */
public final class OFTInternalException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code INTERNAL}.
   *
   * @param message names thing, value and remedy
   */
  public OFTInternalException(String message) {
    super(OftC.OFT_STATUS_INTERNAL(), message);
  }
}
