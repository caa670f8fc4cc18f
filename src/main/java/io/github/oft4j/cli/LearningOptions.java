package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.Optimizer;
import io.github.oft4j.OptimizerOptions;
import io.github.oft4j.train.Schedule;
import io.github.oft4j.train.Trainer;
import picocli.CommandLine.Option;

/** How long and how fast to learn. */
final class LearningOptions {
  private static final int DEFAULT_EPOCHS = 3;

  /** The optimizers by the names of the command line. */
  enum OptimizerName {
    ADAMW(Optimizer.Algorithm.ADAM_W),
    ADAM(Optimizer.Algorithm.ADAM),
    SGD(Optimizer.Algorithm.SGD),
    ADAGRAD(Optimizer.Algorithm.ADAGRAD),
    RMSPROP(Optimizer.Algorithm.RMS_PROP);

    private final Optimizer.Algorithm algorithm;

    OptimizerName(Optimizer.Algorithm algorithm) {
      this.algorithm = algorithm;
    }

    private static final class Converter extends Choice<OptimizerName> {
      Converter() {
        super(OptimizerName.class);
      }
    }
  }

  /** The schedules by the names of the command line. */
  enum ScheduleName {
    CONSTANT(Schedule.constant()),
    LINEAR(Schedule.linear()),
    COSINE(Schedule.cosine());

    private final Schedule schedule;

    ScheduleName(Schedule schedule) {
      this.schedule = schedule;
    }

    private static final class Converter extends Choice<ScheduleName> {
      Converter() {
        super(ScheduleName.class);
      }
    }
  }

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "How often to go through the data; default: " + DEFAULT_EPOCHS + ".")
  private Long epochs;

  @Option(names = "--steps", paramLabel = "N", description = "Or how many steps to go.")
  private Long steps;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "32",
      description = "Examples at a time; default: ${DEFAULT-VALUE}.")
  private int batchSize;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Batches a step: as one large batch, in less memory; default: ${DEFAULT-VALUE}.")
  private int accumulation;

  @Option(
      names = "--lr",
      paramLabel = "X",
      defaultValue = "1e-3",
      description = "Learning rate; default: ${DEFAULT-VALUE}.")
  private double learningRate;

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      defaultValue = "adamw",
      converter = OptimizerName.Converter.class,
      description = "adamw, adam, sgd, adagrad or rmsprop; default: ${DEFAULT-VALUE}.")
  private OptimizerName optimizer;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "Pulls rotations back to the identity; default: libtorch's.")
  private Double weightDecay;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      defaultValue = "linear",
      converter = ScheduleName.Converter.class,
      description = "constant, linear or cosine; default: ${DEFAULT-VALUE}.")
  private ScheduleName schedule;

  @Option(
      names = "--warmup",
      paramLabel = "X",
      defaultValue = "0",
      description = "Steps to the full rate, or, below 1, their share; default: none.")
  private double warmup;

  @Option(names = "--clip", paramLabel = "X", description = "Largest norm of the gradient.")
  private Double clip;

  @Option(names = "--autocast", description = "Compute products in bfloat16.")
  private boolean autocast;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Decides orders and dropout, so that a run can be repeated; default: 0.")
  private long seed;

  @Option(
      names = "--eval-every",
      paramLabel = "N",
      description = "Steps from judgement to judgement; default: an epoch.")
  private Long evaluateEverySteps;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description = "Stop after so many judgements without progress; OUT is then the best.")
  private Long patience;

  long seed() {
    return seed;
  }

  int batchSize() {
    return batchSize;
  }

  boolean isAutocast() {
    return autocast;
  }

  /** The first contradiction, or null. */
  String contradiction(boolean isJudged) {
    if (epochs != null && steps != null) {
      return "--epochs and --steps exclude each other";
    }
    if (batchSize < 1) {
      return "--batch-size is " + batchSize + ": give 1 or more";
    }
    if (warmup < 0 || (warmup >= 1 && warmup != Math.rint(warmup))) {
      return "--warmup is " + warmup + ": give whole steps, or a share below 1";
    }
    if (!isJudged && (patience != null || evaluateEverySteps != null)) {
      return "--patience and --eval-every need --eval or --eval-fraction";
    }
    return null;
  }

  void configure(Trainer<?> trainer) {
    if (steps != null) {
      trainer.steps(steps);
    } else {
      trainer.epochs(epochs == null ? DEFAULT_EPOCHS : epochs);
    }
    OptimizerOptions options = OptimizerOptions.ofLearningRate(learningRate);
    OptimizerOptions decayed = weightDecay == null ? options : options.weightDecay(weightDecay);
    trainer
        .gradientAccumulation(accumulation)
        .optimizer(
            parameters -> Optimizer.builder(optimizer.algorithm).group(parameters, decayed).build())
        .schedule(
            warmup < 1
                ? schedule.schedule.warmupRatio(warmup)
                : schedule.schedule.warmupSteps((long) warmup))
        .seed(seed);
    if (clip != null) {
      trainer.clipGradients(clip);
    }
    if (autocast) {
      trainer.autocast(DType.BFLOAT16);
    }
    if (evaluateEverySteps != null) {
      trainer.evaluateEverySteps(evaluateEverySteps);
    }
    if (patience != null) {
      trainer.earlyStopping(patience);
    }
  }
}
