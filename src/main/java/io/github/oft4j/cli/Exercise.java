package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.Device;
import io.github.oft4j.ForwardOptions;
import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.Tensor;
import io.github.oft4j.Tuple;
import io.github.oft4j.train.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a model is to learn: from the inputs of an example, its target.
 *
 * @param objective judges the output
 * @param output which of the model's outputs counts, an index or a key; null for the first
 * @param inputType of all inputs; null for that of the data
 * @param device of the model
 */
record Exercise(Objective objective, String output, DType inputType, Device device) {
  /** The class that libtorch's cross-entropy passes over. */
  private static final long IGNORED_CLASS = -100;

  /** Mean loss, and the share of right answers where they are classes. */
  record Score(double loss, OptionalDouble accuracy) {}

  /** The mean loss of a batch. */
  Tensor loss(Step step, TrainingData data, int[] examples) {
    return objective.loss(answer(step, data, examples), target(step, data, examples));
  }

  /** Judges the model on many examples, batch by batch. */
  Score score(Step step, TrainingData data, int[] examples, int batchSize) {
    double loss = 0;
    double right = 0;
    double questions = 0;
    for (int[] batch : TrainingData.batches(examples, batchSize)) {
      try (var part = step.child()) {
        Tensor answer = answer(part, data, batch);
        Tensor target = target(part, data, batch);
        loss += objective.loss(answer, target).item() * batch.length;
        if (objective == Objective.CROSS_ENTROPY) {
          right += answer.argmax(-1).eq(target).sum().item();
          questions += target.numel() - target.eq(IGNORED_CLASS).sum().item();
        }
      }
    }
    return new Score(
        loss / examples.length,
        questions > 0 ? OptionalDouble.of(right / questions) : OptionalDouble.empty());
  }

  /** Refuses data that do not fit the model, before they stop a training. */
  void check(Step step, TrainingData data, int batchSize) throws CliException {
    Tensor answer = firstAnswer(step, data);
    objective.loss(answer, target(step, data, new int[] {0}));
    if (objective == Objective.CROSS_ENTROPY) {
      long classes = answer.shape()[answer.shape().length - 1];
      for (int[] batch : TrainingData.batches(data.examples(), batchSize)) {
        try (var part = step.child()) {
          checkClasses(data, batch, target(part, data, batch).toLongArray(), classes);
        }
      }
    }
  }

  private Tensor firstAnswer(Step step, TrainingData data) throws CliException {
    try {
      return answer(step, data, new int[] {0});
    } catch (OFTArgumentException e) {
      if (inputType == null && data.inputs().stream().anyMatch(TrainingData.Input::isIntegral)) {
        throw new CliException(
            ExitCode.BAD_INPUT,
            e.getMessage() + " (inputs are integers: --input-dtype float32 converts them)");
      }
      throw e;
    }
  }

  private static void checkClasses(TrainingData data, int[] batch, long[] labels, long classes)
      throws CliException {
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] != IGNORED_CLASS && (labels[i] < 0 || labels[i] >= classes)) {
        int example = batch[i / (labels.length / batch.length)];
        throw new CliException(
            ExitCode.BAD_INPUT,
            "%s is class %d, but the model gives scores of %d classes, counted from 0"
                .formatted(data.target().place(example), labels[i], classes));
      }
    }
  }

  private Tensor answer(Step step, TrainingData data, int[] examples) {
    var arguments = new ArrayList<Tensor>();
    ForwardOptions options = step.options();
    for (TrainingData.Input input : data.inputs()) {
      Tensor tensor = input.column().batch(step.scope(), examples).to(device);
      Tensor typed = inputType == null ? tensor : tensor.to(inputType);
      if (input.argument() == null) {
        arguments.add(typed);
      } else {
        options = options.kwarg(input.argument(), typed);
      }
    }
    return chosen(step.model().call(options, arguments.toArray()));
  }

  private Tensor target(Step step, TrainingData data, int[] examples) {
    return data.target().batch(step.scope(), examples).to(device).to(objective.targetType());
  }

  private Tensor chosen(Object result) {
    Object chosen =
        switch (result) {
          case Tuple tuple -> item(tuple.items());
          case List<?> list -> item(list);
          case Map<?, ?> map when output != null -> map.get(output);
          case Map<?, ?> map -> map.values().iterator().next();
          case null, default -> output == null ? result : null;
        };
    if (chosen instanceof Tensor tensor) {
      return tensor;
    }
    throw new OFTArgumentException(
        "the model gives %s, in which %s is no tensor: --output chooses one by key or index"
            .formatted(result, output == null ? "the first" : "'" + output + "'"));
  }

  private Object item(List<?> items) {
    try {
      int index = output == null ? 0 : Integer.parseInt(output);
      return index >= 0 && index < items.size() ? items.get(index) : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
