package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** The call is right, but not now: an object whose scope was closed, a report before its run. */
public final class OFTStateException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code INVALID_STATE}.
   *
   * @param message names thing, value and remedy
   */
  public OFTStateException(String message) {
    super(OftC.OFT_STATUS_INVALID_STATE(), message);
  }
}
