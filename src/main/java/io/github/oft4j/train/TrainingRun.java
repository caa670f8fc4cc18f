package io.github.oft4j.train;

import io.github.oft4j.ForwardOptions;
import io.github.oft4j.Gradients;
import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.Optimizer;
import io.github.oft4j.RandomState;
import io.github.oft4j.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** One {@link Trainer#fit}. */
final class TrainingRun<B> {
  private static final double NANOS_PER_SECOND = 1e9;

  private final Trainer<B> settings;
  private final OFTModel model;
  private final OFTScope scope;
  private final Checkpoints checkpoints;
  private final TrainingLog log;
  private final List<TrainingListener> listeners;
  private final ForwardOptions options;
  private final long totalSteps;
  private final List<Tensor> parameters;
  private final Optimizer optimizer;
  private final double[] learningRates;
  private final long start = System.nanoTime();
  private final long firstStep;

  private TrainingState state;
  private boolean isRandomStateDue;
  private OptionalDouble lastLoss = OptionalDouble.empty();

  /**
   * Makes a run whose model has the adapters of {@code state}.
   *
   * @param scope for what lives as long as the run
   * @param checkpoints null for none
   * @param log null for none
   */
  private TrainingRun(
      Trainer<B> settings,
      OFTScope scope,
      Checkpoints checkpoints,
      TrainingLog log,
      TrainingState state) {
    this.settings = settings;
    this.scope = scope;
    this.checkpoints = checkpoints;
    this.log = log;
    this.state = state;
    model = settings.model;
    listeners = new ArrayList<>(settings.listeners);
    if (log != null) {
      listeners.addFirst(log);
    }
    options =
        settings.autocast == null
            ? ForwardOptions.defaults()
            : ForwardOptions.defaults().autocast(settings.autocast);
    totalSteps = settings.totalSteps();
    firstStep = state.step();
    parameters = model.trainableParameters();
    parameters.forEach(parameter -> parameter.moveTo(scope));
    optimizer = settings.newOptimizer(parameters);
    learningRates = new double[optimizer.groups()];
    for (int group = 0; group < learningRates.length; group++) {
      learningRates[group] = optimizer.learningRate(group);
    }
    isRandomStateDue = state.step() > 0;
    if (state.step() > 0) {
      checkpoints.restoreOptimizer(state.step(), optimizer);
    } else if (settings.seed != null) {
      RandomState.seed(settings.seed);
    }
  }

  static <B> TrainingResult of(Trainer<B> settings) {
    OFTModel model = settings.model;
    requireReady(model);
    try (var checkpoints = Checkpoints.of(settings)) {
      TrainingState state = checkpoints == null ? TrainingState.START : checkpoints.lastState();
      if (state.step() > 0) {
        checkpoints.restoreAdapters(state.step());
      }
      boolean wasTraining = model.isTraining();
      try (var scope = model.scope().child();
          var log = settings.log == null ? null : new TrainingLog(settings.log, state.logBytes())) {
        return new TrainingRun<>(settings, scope, checkpoints, log, state).run();
      } finally {
        if (!wasTraining) {
          model.eval();
        }
      }
    }
  }

  private static void requireReady(OFTModel model) {
    if (!model.mergedAdapters().isEmpty()) {
      throw new OFTStateException(
          "adapters "
              + model.mergedAdapters()
              + " are merged and get no gradient: call unmergeAdapter() first");
    }
    if (!model.isEnabled()) {
      throw new OFTStateException("the adapters are disabled: call enableAdapter() first");
    }
    if (model.info().trainableParameters() == 0) {
      throw new OFTStateException(
          "nothing can be trained, adapters "
              + model.activeAdapters()
              + " are frozen: load them with isTrainable");
    }
  }

  private TrainingResult run() {
    model.train();
    while (!isDone()) {
      epoch();
    }
    return new TrainingResult(
        state.step(),
        state.step() - firstStep,
        lastLoss,
        Optional.ofNullable(state.best()),
        isStoppedEarly(),
        restoreBest(),
        seconds());
  }

  private void epoch() {
    long epoch = state.epoch();
    Iterator<B> batches = settings.data.apply(epoch).iterator();
    for (long used = 0; used < state.batch() && batches.hasNext(); used++) {
      batches.next();
    }
    if (!batches.hasNext()) {
      throw new OFTArgumentException(
          state.batch() == 0
              ? "epoch " + epoch + " has no batches: give data that can be iterated anew"
              : "epoch "
                  + epoch
                  + " has no more than "
                  + state.batch()
                  + " batches, all of them used before the checkpoint: resume with the same data");
    }
    if (isRandomStateDue) {
      checkpoints.restoreRandomState(state.step());
      isRandomStateDue = false;
    }
    while (state.epoch() == epoch && !isDone()) {
      var group = new ArrayList<B>(settings.accumulation);
      while (group.size() < settings.accumulation && batches.hasNext()) {
        group.add(batches.next());
      }
      step(group, !batches.hasNext());
    }
  }

  private void step(List<B> batches, boolean isEpochOver) {
    long epoch = state.epoch();
    double loss = accumulate(batches);
    double gradientNorm = clip();
    double factor = settings.schedule.factor(state.step(), totalSteps);
    for (int group = 0; group < learningRates.length; group++) {
      optimizer.setLearningRate(group, learningRates[group] * factor);
    }
    optimizer.step();

    lastLoss = OptionalDouble.of(loss);
    state = state.advanced(batches.size(), isEpochOver);
    var report =
        new StepReport(
            state.step(),
            totalSteps,
            epoch,
            loss,
            learningRates[0] * factor,
            gradientNorm,
            seconds());
    boolean isCancelled = false;
    for (TrainingListener listener : listeners) {
      isCancelled |= !listener.onStep(report);
    }
    boolean isBest =
        settings.metric != null
            && (isDone() || isDue(settings.evaluateEverySteps, isEpochOver))
            && evaluate();
    boolean isCheckpointDue =
        settings.checkpoints != null
            && (isCancelled || isDone() || isDue(settings.checkpointEverySteps, isEpochOver));
    if (checkpoints != null && (isBest || isCheckpointDue)) {
      checkpoint();
    }
    if (isCancelled) {
      throw new OFTCancelledException(
          "the training was cancelled after step "
              + state.step()
              + " of "
              + totalSteps
              + (settings.checkpoints == null ? "" : ": resume goes on from its checkpoint"));
    }
  }

  /** Adds up the gradients of a step. Returns its loss. */
  private double accumulate(List<B> batches) {
    optimizer.zeroGrad();
    double sum = 0;
    for (B batch : batches) {
      try (var step = newStep()) {
        Tensor loss = settings.loss.of(step, batch);
        double value = loss.item();
        requireFinite("loss", value);
        loss.div(batches.size()).backward();
        sum += value;
      }
    }
    return sum / batches.size();
  }

  private double clip() {
    try {
      return Gradients.clip(parameters, settings.maxGradientNorm);
    } catch (OFTArgumentException notFinite) {
      throw new DivergedException(at("the gradient is not finite"));
    }
  }

  private boolean evaluate() {
    model.eval();
    double value;
    try (var step = newStep()) {
      value = settings.metric.of(step);
    } finally {
      model.train();
    }
    requireFinite("metric", value);
    EvaluationReport best = state.best();
    boolean isBest = best == null || settings.goal.isBetter(value, best.value());
    var report = new EvaluationReport(state.step(), value, isBest);
    state = state.evaluated(report);
    listeners.forEach(listener -> listener.onEvaluation(report));
    return isBest;
  }

  private void checkpoint() {
    if (log != null) {
      state = state.logged(log.bytes());
    }
    Path written = checkpoints.write(state, optimizer);
    if (settings.checkpoints != null) {
      listeners.forEach(listener -> listener.onCheckpoint(written));
    }
  }

  /** Where training was to stop early, its end is hardly the best that it saw. */
  private boolean restoreBest() {
    if (settings.patience == 0 || state.best().step() == state.step()) {
      return false;
    }
    checkpoints.restoreAdapters(state.best().step());
    return true;
  }

  private boolean isDone() {
    return isStoppedEarly()
        || (settings.epochs > 0
            ? state.epoch() >= settings.epochs
            : state.step() >= settings.steps);
  }

  private boolean isStoppedEarly() {
    return settings.patience > 0 && state.evaluationsSinceBest() >= settings.patience;
  }

  private boolean isDue(long everySteps, boolean isEpochOver) {
    return everySteps > 0 ? state.step() % everySteps == 0 : isEpochOver;
  }

  private void requireFinite(String what, double value) {
    if (!Double.isFinite(value)) {
      throw new DivergedException(at("the " + what + " is " + value));
    }
  }

  private String at(String problem) {
    return ("%s after %d steps (epoch %d, batch %d, learning rate %s): lower the learning rate,"
            + " clip gradients, or look at that batch")
        .formatted(problem, state.step(), state.epoch(), state.batch(), optimizer.learningRate(0));
  }

  private Step newStep() {
    return new Step(scope.child(), model, options);
  }

  private double seconds() {
    return (System.nanoTime() - start) / NANOS_PER_SECOND;
  }
}
