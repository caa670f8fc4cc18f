package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** Native memory ran out. The Java heap is not concerned. */
public final class OFTMemoryException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code OUT_OF_MEMORY}.
   *
   * @param message names thing, value and remedy
   */
  public OFTMemoryException(String message) {
    super(OftC.OFT_STATUS_OUT_OF_MEMORY(), message);
  }
}
