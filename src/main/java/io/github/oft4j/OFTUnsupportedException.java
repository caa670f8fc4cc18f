package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A well-formed request for something that cannot be done, such as an adapter of PEFT 0.13. */
public final class OFTUnsupportedException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code UNSUPPORTED}.
   *
   * @param message names thing, value and remedy
   */
  public OFTUnsupportedException(String message) {
    super(OftC.OFT_STATUS_UNSUPPORTED(), message);
  }
}
