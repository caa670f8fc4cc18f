package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A {@link ProgressListener} asked to stop; nothing was left behind. */
public final class OFTCancelledException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code CANCELLED}.
   *
   * @param message names thing, value and remedy
   */
  public OFTCancelledException(String message) {
    super(OftC.OFT_STATUS_CANCELLED(), message);
  }
}
