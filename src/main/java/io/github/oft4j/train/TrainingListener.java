package io.github.oft4j.train;

import java.nio.file.Path;

/** Follows a training, on the thread that runs it. What it throws ends the training. */
public interface TrainingListener {
  /**
   * A step is done.
   *
   * @param report tells about it
   * @return true to go on; false to stop with an {@link io.github.oft4j.OFTCancelledException},
   *     after a checkpoint where there is a folder for it
   */
  default boolean onStep(StepReport report) {
    return true;
  }

  /**
   * An evaluation is done.
   *
   * @param report tells about it
   */
  default void onEvaluation(EvaluationReport report) {}

  /**
   * A checkpoint is written, whole and safe.
   *
   * @param folder that holds it
   */
  default void onCheckpoint(Path folder) {}
}
