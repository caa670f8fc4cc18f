package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A file or a layer does not exist; the message names the nearest ones. */
public final class OFTNotFoundException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code NOT_FOUND}.
   *
   * @param message names thing, value and remedy
   */
  public OFTNotFoundException(String message) {
    super(OftC.OFT_STATUS_NOT_FOUND(), message);
  }
}
