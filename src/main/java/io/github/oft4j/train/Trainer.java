package io.github.oft4j.train;

import io.github.oft4j.DType;
import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTModel;
import io.github.oft4j.Optimizer;
import io.github.oft4j.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.LongFunction;

/**
 * Trains the adapters of a model. Only {@link #epochs} or {@link #steps} must be given. For one
 * thread.
 *
 * {@snippet :
 * TrainingResult result =
 *     Trainer.of(model, batches, (step, batch) ->
 *             step.forward(step.tensor(batch.x())).crossEntropy(step.tensor(batch.y())))
 *         .epochs(5)
 *         .learningRate(1e-3)
 *         .schedule(Schedule.cosine().warmupRatio(0.1))
 *         .checkpoints(Path.of("checkpoints"))
 *         .fit();
 * }
 *
 * <p>The tensors of a step are freed with it, so memory stays flat however long a training is.
 *
 * @param <B> a batch
 */
public final class Trainer<B> {
  private static final double DEFAULT_LEARNING_RATE = 1e-3;

  final OFTModel model;
  final LongFunction<? extends Iterable<B>> data;
  final Loss<B> loss;

  long epochs;
  long steps;
  private OptionalLong batchesPerEpoch = OptionalLong.empty();
  Double learningRate;
  Function<List<Tensor>, Optimizer> optimizer;
  Schedule schedule = Schedule.constant();
  int accumulation = 1;
  double maxGradientNorm = Double.MAX_VALUE;
  DType autocast;
  Long seed;

  Metric metric;
  Metric.Goal goal;
  long evaluateEverySteps;
  long patience;

  Path checkpoints;
  long checkpointEverySteps;
  int keptCheckpoints = 2;
  boolean resume;

  Path log;
  final List<TrainingListener> listeners = new ArrayList<>();

  private Trainer(OFTModel model, LongFunction<? extends Iterable<B>> data, Loss<B> loss) {
    this.model = Objects.requireNonNull(model, "model");
    this.data = Objects.requireNonNull(data, "data");
    this.loss = Objects.requireNonNull(loss, "loss");
  }

  /**
   * A training of the active adapters of a model.
   *
   * @param <B> a batch
   * @param model its adapters neither merged nor disabled
   * @param batches iterated anew for each epoch
   * @param loss what to make small
   * @return to be told how, and run by {@link #fit}
   */
  public static <B> Trainer<B> of(OFTModel model, Iterable<B> batches, Loss<B> loss) {
    Objects.requireNonNull(batches, "batches");
    return ofEpochs(model, _ -> batches, loss);
  }

  /**
   * The same with data that differ from epoch to epoch, for example in their order. Whoever wants
   * to resume gives an epoch the same batches each time it is asked for.
   *
   * @param <B> a batch
   * @param model its adapters neither merged nor disabled
   * @param data the batches of an epoch, from 0
   * @param loss what to make small
   * @return to be told how, and run by {@link #fit}
   */
  public static <B> Trainer<B> ofEpochs(
      OFTModel model, LongFunction<? extends Iterable<B>> data, Loss<B> loss) {
    return new Trainer<>(model, data, loss);
  }

  /**
   * Trains on all data this often.
   *
   * @param epochs positive
   * @return this
   */
  public Trainer<B> epochs(long epochs) {
    this.epochs = positive("epochs", epochs);
    return this;
  }

  /**
   * Trains so many steps, over the data again and again.
   *
   * @param steps positive
   * @return this
   */
  public Trainer<B> steps(long steps) {
    this.steps = positive("steps", steps);
    return this;
  }

  /**
   * Tells how many batches an epoch has, which {@link #epochs} must know. Without it the size of a
   * {@link Collection} counts, and other data are iterated once to count them.
   *
   * @param batches positive
   * @return this
   */
  public Trainer<B> batchesPerEpoch(long batches) {
    batchesPerEpoch = OptionalLong.of(positive("batchesPerEpoch", batches));
    return this;
  }

  /**
   * Sets the learning rate of AdamW, the optimizer where none is given.
   *
   * @param rate positive; 1e-3 by default
   * @return this
   */
  public Trainer<B> learningRate(double rate) {
    learningRate = positive("learningRate", rate);
    return this;
  }

  /**
   * Sets the optimizer. The schedule multiplies the learning rates that it is made with.
   *
   * @param factory makes one for {@link OFTModel#trainableParameters}
   * @return this
   */
  public Trainer<B> optimizer(Function<List<Tensor>, Optimizer> factory) {
    optimizer = Objects.requireNonNull(factory, "factory");
    return this;
  }

  /**
   * Sets how the learning rate goes.
   *
   * @param schedule constant by default
   * @return this
   */
  public Trainer<B> schedule(Schedule schedule) {
    this.schedule = Objects.requireNonNull(schedule, "schedule");
    return this;
  }

  /**
   * Takes the mean gradient of several batches for each step, as if they were one: large batches in
   * the memory of small ones. The last step of an epoch takes those that are left.
   *
   * @param batches positive; 1 by default
   * @return this
   */
  public Trainer<B> gradientAccumulation(int batches) {
    accumulation = (int) positive("gradientAccumulation", batches);
    return this;
  }

  /**
   * Scales the gradients of a step down to a common norm.
   *
   * @param maxNorm positive; unlimited by default
   * @return this
   */
  public Trainer<B> clipGradients(double maxNorm) {
    maxGradientNorm = positive("clipGradients", maxNorm);
    return this;
  }

  /**
   * Computes products of {@link Step#forward} in 16 bits; parameters stay as they are.
   *
   * @param dtype {@link DType#BFLOAT16}
   * @return this
   */
  public Trainer<B> autocast(DType dtype) {
    if (dtype != DType.BFLOAT16) {
      throw new OFTArgumentException(
          "autocast is " + dtype.torchName() + ": gradients keep their range in bfloat16 only");
    }
    autocast = dtype;
    return this;
  }

  /**
   * Seeds libtorch's generators (dropout, {@code module_dropout}) at the start, so that a run can
   * be repeated.
   *
   * @param seed any number
   * @return this
   */
  public Trainer<B> seed(long seed) {
    this.seed = seed;
    return this;
  }

  /**
   * Evaluates the model after each epoch, or as {@link #evaluateEverySteps} says, and at the end.
   *
   * @param goal which values are better
   * @param metric gives a value
   * @return this
   */
  public Trainer<B> evaluate(Metric.Goal goal, Metric metric) {
    this.goal = Objects.requireNonNull(goal, "goal");
    this.metric = Objects.requireNonNull(metric, "metric");
    return this;
  }

  /**
   * Sets how often to evaluate.
   *
   * @param steps positive; an epoch by default
   * @return this
   */
  public Trainer<B> evaluateEverySteps(long steps) {
    evaluateEverySteps = positive("evaluateEverySteps", steps);
    return this;
  }

  /**
   * Ends the training once so many evaluations in a row were no better than the best one. The model
   * ends with the adapters of the best one in any case.
   *
   * @param patience positive
   * @return this
   */
  public Trainer<B> earlyStopping(long patience) {
    this.patience = positive("earlyStopping", patience);
    return this;
  }

  /**
   * Writes checkpoints after each epoch, or as {@link #checkpointEverySteps} says, after each best
   * evaluation and at the end. Each appears whole or not at all.
   *
   * @param folder for them; made where it is missing
   * @return this
   */
  public Trainer<B> checkpoints(Path folder) {
    checkpoints = Objects.requireNonNull(folder, "folder");
    return this;
  }

  /**
   * Sets how often to write a checkpoint.
   *
   * @param steps positive; an epoch by default
   * @return this
   */
  public Trainer<B> checkpointEverySteps(long steps) {
    checkpointEverySteps = positive("checkpointEverySteps", steps);
    return this;
  }

  /**
   * Sets how many checkpoints to keep, besides that of the best evaluation.
   *
   * @param checkpoints positive; 2 by default
   * @return this
   */
  public Trainer<B> keepCheckpoints(int checkpoints) {
    keptCheckpoints = (int) positive("keepCheckpoints", checkpoints);
    return this;
  }

  /**
   * Goes on from the last checkpoint, where there is one; on a CPU with the same losses to the bit
   * as if the run had not ended there. Model, data and settings must be the same; only {@link
   * #epochs} and {@link #steps} may grow. Buffers that a forward changes, such as the running means
   * of a BatchNorm, are the model's and in no checkpoint.
   *
   * @return this
   */
  public Trainer<B> resume() {
    resume = true;
    return this;
  }

  /**
   * Writes a log, a JSON object a line: {@code {"event": "step", "step": 1, "epoch": 0, "loss":
   * 2.3, "learning_rate": 0.001, "gradient_norm": 0.4, "seconds": 0.02}} and {@code {"event":
   * "evaluation", "step": 20, "value": 0.95, "is_best": true}}. A run that resumes goes on where
   * its checkpoint was.
   *
   * @param file to write
   * @return this
   */
  public Trainer<B> log(Path file) {
    log = Objects.requireNonNull(file, "file");
    return this;
  }

  /**
   * Adds a listener.
   *
   * @param listener called on the thread of {@link Trainer#fit}
   * @return this
   */
  public Trainer<B> listener(TrainingListener listener) {
    listeners.add(Objects.requireNonNull(listener, "listener"));
    return this;
  }

  /**
   * Checks the settings and trains.
   *
   * @return how it ended
   * @throws OFTArgumentException where settings contradict each other, or the data have no batches
   * @throws io.github.oft4j.OFTStateException where the model has nothing to train, or adapters are
   *     merged or disabled; where the checkpoints are of a run that is not resumed
   * @throws DivergedException where a loss, a gradient or a metric is not finite
   * @throws io.github.oft4j.OFTIOException where a checkpoint or the log cannot be written
   * @throws io.github.oft4j.OFTCancelledException where a listener asked to stop
   */
  public TrainingResult fit() {
    check();
    return TrainingRun.of(this);
  }

  /** How many steps the whole training has. */
  long totalSteps() {
    if (steps > 0) {
      return steps;
    }
    long batches = batchesPerEpoch.isPresent() ? batchesPerEpoch.getAsLong() : count(data.apply(0));
    return epochs * Math.ceilDiv(batches, accumulation);
  }

  /** The optimizer of a run. */
  Optimizer newOptimizer(List<Tensor> parameters) {
    return optimizer != null
        ? optimizer.apply(parameters)
        : Optimizer.adamW(
            parameters, Objects.requireNonNullElse(learningRate, DEFAULT_LEARNING_RATE));
  }

  private void check() {
    check(epochs > 0 || steps > 0, "how long to train is unknown: set epochs(...) or steps(...)");
    check(epochs == 0 || steps == 0, "both epochs and steps are set: leave one out");
    check(
        learningRate == null || optimizer == null,
        "learningRate("
            + learningRate
            + ") is AdamW's: give the optimizer its rate when making it");
    check(
        metric != null || evaluateEverySteps == 0,
        "evaluateEverySteps is set, but no metric: call evaluate(...)");
    check(metric != null || patience == 0, "earlyStopping needs a metric: call evaluate(...)");
    check(
        checkpoints != null || checkpointEverySteps == 0,
        "checkpointEverySteps is set, but no folder: call checkpoints(...)");
    check(checkpoints != null || !resume, "resume needs a folder: call checkpoints(...)");
  }

  private static void check(boolean right, String message) {
    if (!right) {
      throw new OFTArgumentException(message);
    }
  }

  private static long count(Iterable<?> batches) {
    if (batches instanceof Collection<?> collection) {
      return collection.size();
    }
    long count = 0;
    for (var batch = batches.iterator(); batch.hasNext(); batch.next()) {
      count++;
    }
    return count;
  }

  private static long positive(String name, long value) {
    check(value > 0, name + " is " + value + ": give 1 or more");
    return value;
  }

  private static double positive(String name, double value) {
    check(value > 0 && Double.isFinite(value), name + " is " + value + ": give a positive number");
    return value;
  }
}
