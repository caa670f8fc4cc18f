package io.github.oft4j.train;

/** How good the model is, on data that it does not learn from. */
@FunctionalInterface
public interface Metric {
  /** Which of two values is the better one. */
  enum Goal {
    /** The smaller one, as of a loss. */
    MINIMIZE,
    /** The larger one, as of an accuracy. */
    MAXIMIZE;

    boolean isBetter(double value, double than) {
      return this == MINIMIZE ? value < than : value > than;
    }
  }

  /**
   * Evaluates the model.
   *
   * @param step owns every tensor made here; the model is in evaluation mode, no gradient is
   *     recorded. Over many batches, take a {@link Step#child} for each
   * @return a finite number
   */
  double of(Step step);
}
