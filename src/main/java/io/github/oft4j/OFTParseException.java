package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A file or a text is malformed. */
public final class OFTParseException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code PARSE}.
   *
   * @param message names thing, value and remedy
   */
  public OFTParseException(String message) {
    super(OftC.OFT_STATUS_PARSE(), message);
  }
}
