package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.Device;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which data a training has, and how they reach the model. */
final class DataOptions {
  /**
   * What is learned from, and what it is judged by.
   *
   * @param trained examples of {@code data}
   * @param judged examples of {@code evaluation}; none where nothing is judged
   */
  record Split(TrainingData data, int[] trained, TrainingData evaluation, int[] judged) {
    boolean isJudged() {
      return judged.length > 0;
    }
  }

  @Option(
      names = "--inputs",
      paramLabel = "NAMES",
      split = ",",
      description = "Fields or tensors to give to the model; default: input (JSON), inputs.")
  private List<String> inputs;

  @Option(
      names = "--targets",
      paramLabel = "NAME",
      description = "Field or tensor that it should answer; default: target (JSON), targets.")
  private String targets;

  @Option(
      names = "--input-dtype",
      paramLabel = "TYPE",
      converter = TypeName.class,
      description = "Type of the inputs, like float32; default: that of the data.")
  private DType inputType;

  @Option(
      names = "--output",
      paramLabel = "KEY",
      description = "Key or index of the answer where the model gives several; default: the first.")
  private String output;

  @Option(
      names = "--loss",
      paramLabel = "NAME",
      defaultValue = "cross-entropy",
      converter = Objective.Name.class,
      description = "cross-entropy, mse or cosine; default: ${DEFAULT-VALUE}.")
  private Objective objective;

  @Option(
      names = "--eval",
      paramLabel = "DATA",
      description = "Examples to judge by, in the form of DATA.")
  private Path evaluation;

  @Option(
      names = "--eval-fraction",
      paramLabel = "X",
      description = "Judge by this share of DATA, and do not train on it.")
  private Double evaluationFraction;

  boolean isJudged() {
    return evaluation != null || evaluationFraction != null;
  }

  /** The first contradiction, or null. */
  String contradiction() {
    if (evaluation != null && evaluationFraction != null) {
      return "--eval and --eval-fraction exclude each other";
    }
    if (evaluationFraction != null && !(evaluationFraction > 0 && evaluationFraction < 1)) {
      return "--eval-fraction is " + evaluationFraction + ": give a number between 0 and 1";
    }
    return null;
  }

  Exercise exercise(Device device) {
    return new Exercise(objective, output, inputType, device);
  }

  Split open(Path file, long seed) throws CliException {
    TrainingData data = TrainingData.open(file, inputs, targets);
    checkTargets(data);
    if (evaluation != null) {
      TrainingData judged = TrainingData.open(evaluation, inputs, targets);
      checkTargets(judged);
      return new Split(data, data.examples(), judged, judged.examples());
    }
    if (evaluationFraction == null) {
      return new Split(data, data.examples(), data, new int[0]);
    }
    int[] order = TrainingData.shuffled(data.examples(), seed);
    int judged = (int) Math.ceil(evaluationFraction * order.length);
    if (judged == order.length) {
      throw new CliException(
          ExitCode.BAD_INPUT,
          "%s holds %s: with --eval-fraction %s none is left to train on"
              .formatted(file, Figures.count(order.length, "example"), evaluationFraction));
    }
    return new Split(
        data, Arrays.copyOfRange(order, judged, order.length), data, Arrays.copyOf(order, judged));
  }

  private void checkTargets(TrainingData data) throws CliException {
    DType type = data.target().dtype();
    if (objective == Objective.CROSS_ENTROPY && type != DType.INT64 && type != DType.UINT8) {
      throw new CliException(
          ExitCode.BAD_INPUT,
          ("%s is %s: cross-entropy needs the number of a class, an integer from 0;"
                  + " for other targets give --loss mse or --loss cosine")
              .formatted(data.target().place(0), type.torchName()));
    }
  }

  private static final class TypeName implements ITypeConverter<DType> {
    @Override
    public DType convert(String name) {
      return Arrays.stream(DType.values())
          .filter(type -> type.torchName().equals(name))
          .findFirst()
          .orElseThrow(
              () -> new TypeConversionException("'" + name + "' is no type: try float32 or int64"));
    }
  }
}
