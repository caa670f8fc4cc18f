package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** The operating system refused to read or to write. */
public final class OFTIOException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code IO}.
   *
   * @param message names thing, value and remedy
   */
  public OFTIOException(String message) {
    super(OftC.OFT_STATUS_IO(), message);
  }
}
