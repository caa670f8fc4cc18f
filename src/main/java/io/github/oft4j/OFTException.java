package io.github.oft4j;

/**
 * A failure of oft. Its class tells the category, its message names the thing, the value and the
 * remedy.
 *
 * <p>Failures of native calls carry the text of {@code liboft} unchanged.
 */
public class OFTException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** As {@link #status()} gives it. */
  private final int status;

  /**
   * Makes an exception of a category that has no class of its own.
   *
   * @param status an {@code oft_status} of the C ABI; 0 where no native call was made
   * @param message names thing, value and remedy
   */
  public OFTException(int status, String message) {
    super(message);
    this.status = status;
  }

  /**
   * The category as the C ABI numbers it.
   *
   * @return a negative {@code oft_status}; 0 where the failure arose before any native call
   */
  public int status() {
    return status;
  }
}
