package io.github.oft4j;

/**
 * The native library could not be loaded, or is of another version. The message lists each place
 * that was tried, in order, with the reason why it was passed over.
 */
public final class OFTLibraryException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the report of a failed search.
   *
   * @param message what was tried, why it failed, and the remedy
   * @param cause what the last attempt threw, or null
   */
  public OFTLibraryException(String message, Throwable cause) {
    super(0, message);
    initCause(cause);
  }
}
