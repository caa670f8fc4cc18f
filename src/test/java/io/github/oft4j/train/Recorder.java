package io.github.oft4j.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Notes what a trainer tells, and may stop it. */
final class Recorder implements TrainingListener {
  final List<Double> losses = new ArrayList<>();
  final List<Double> learningRates = new ArrayList<>();
  final List<EvaluationReport> evaluations = new ArrayList<>();
  final List<Path> checkpoints = new ArrayList<>();
  private final long lastStep;

  Recorder() {
    this(Long.MAX_VALUE);
  }

  /** Cancels the training after a step. */
  Recorder(long lastStep) {
    this.lastStep = lastStep;
  }

  @Override
  public boolean onStep(StepReport report) {
    losses.add(report.loss());
    learningRates.add(report.learningRate());
    return report.step() < lastStep;
  }

  @Override
  public void onEvaluation(EvaluationReport report) {
    evaluations.add(report);
  }

  @Override
  public void onCheckpoint(Path folder) {
    checkpoints.add(folder);
  }
}
