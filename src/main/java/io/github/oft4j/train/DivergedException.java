package io.github.oft4j.train;

import io.github.oft4j.OFTException;

/** A loss, a gradient or a metric is not finite. The adapters are those before the step. */
public final class DivergedException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception without a status of the C ABI.
   *
   * @param message names step, value and remedy
   */
  public DivergedException(String message) {
    super(0, message);
  }
}
