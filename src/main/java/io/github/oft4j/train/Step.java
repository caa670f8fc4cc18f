package io.github.oft4j.train;

import io.github.oft4j.ForwardOptions;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Tensor;

/** One run of the model. Everything made with its help is freed when the run is over. */
public final class Step implements AutoCloseable {
  private final OFTScope scope;
  private final OFTModel model;
  private final ForwardOptions options;

  /**
   * A run of a model. A trainer makes those of a training; this is for others, such as an
   * evaluation before it.
   *
   * @param scope closed with the run
   * @param model to run
   * @param options how to run it
   */
  public Step(OFTScope scope, OFTModel model, ForwardOptions options) {
    this.scope = scope;
    this.model = model;
    this.options = options;
  }

  /**
   * The owner of this run's tensors.
   *
   * @return closed after the run
   */
  public OFTScope scope() {
    return scope;
  }

  /**
   * The model that is trained.
   *
   * @return in training mode for a {@link Loss}, in evaluation mode for a {@link Metric}
   */
  public OFTModel model() {
    return model;
  }

  /**
   * How the trainer wants the model to run, for {@link OFTModel#call}.
   *
   * @return with the autocast of {@link Trainer#autocast}
   */
  public ForwardOptions options() {
    return options;
  }

  /**
   * Runs the model with {@link #options}.
   *
   * @param args of its method {@code forward}
   * @return its one tensor
   */
  public Tensor forward(Object... args) {
    return model.forward(options, args);
  }

  /**
   * A tensor with a copy of the elements.
   *
   * @param data row-major
   * @param shape none for one dimension
   * @return float32
   */
  public Tensor tensor(float[] data, long... shape) {
    return scope.tensor(data, shape);
  }

  /**
   * A tensor with a copy of the elements.
   *
   * @param data row-major
   * @param shape none for one dimension
   * @return int64
   */
  public Tensor tensor(long[] data, long... shape) {
    return scope.tensor(data, shape);
  }

  /**
   * A tensor with a copy of the elements.
   *
   * @param rows of one length
   * @return float32, {@code [rows, columns]}
   */
  public Tensor tensor(float[][] rows) {
    return scope.tensor(rows);
  }

  /**
   * A tensor with a copy of the elements.
   *
   * @param rows of one length
   * @return int64, {@code [rows, columns]}
   */
  public Tensor tensor(long[][] rows) {
    return scope.tensor(rows);
  }

  /**
   * A part of this run whose tensors are freed earlier.
   *
   * @return to be closed
   */
  public Step child() {
    return new Step(scope.child(), model, options);
  }

  /** Frees the tensors of this run. Closing again has no effect. */
  @Override
  public void close() {
    scope.close();
  }
}
