package io.github.oft4j.train;

import java.nio.file.Path;

/** A process that trains, with a checkpoint each step, until it is killed. */
final class KilledTraining {
  static final int BATCHES = 3;
  static final int STEPS = 100_000;

  private KilledTraining() {}

  /** Tells each checkpoint in a line. */
  public static void main(String[] args) {
    try (var job = TrainingFixture.dropout()) {
      trainer(job, Path.of(args[0]))
          .listener(
              new TrainingListener() {
                @Override
                public void onCheckpoint(Path folder) {
                  System.out.println(folder.getFileName());
                }
              })
          .fit();
    }
  }

  static Trainer<TrainingFixture.Batch> trainer(TrainingFixture job, Path checkpoints) {
    return job.trainer(BATCHES)
        .steps(STEPS)
        .checkpoints(checkpoints)
        .checkpointEverySteps(1)
        .resume();
  }
}
