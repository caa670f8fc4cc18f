package io.github.oft4j;

/**
 * While it is open, a model computes what its base computes; see {@link
 * OFTModel#disabledAdapter()}.
 */
public final class DisabledAdapter implements AutoCloseable {
  private OFTModel model;

  DisabledAdapter(OFTModel model) {
    this.model = model;
  }

  /** Makes the model as it was, unless another one is still open. Idempotent. */
  @Override
  public synchronized void close() {
    if (model != null) {
      model.leaveDisabled();
      model = null;
    }
  }
}
