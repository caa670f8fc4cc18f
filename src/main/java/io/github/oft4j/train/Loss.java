package io.github.oft4j.train;

import io.github.oft4j.Tensor;

/**
 * What training makes small.
 *
 * @param <B> a batch
 */
@FunctionalInterface
public interface Loss<B> {
  /**
   * Runs the model on a batch and judges its output.
   *
   * @param step owns every tensor made here; the model is in training mode
   * @param batch as the data gave it
   * @return one number; the mean over the batch, if gradients are accumulated
   */
  Tensor of(Step step, B batch);
}
