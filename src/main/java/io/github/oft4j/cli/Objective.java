package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.Tensor;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** What a model's output is to its target. */
enum Objective {
  /** Scores of classes, in the last dimension; the target is the number of the right one. */
  CROSS_ENTROPY(DType.INT64) {
    @Override
    Tensor lossOfFitting(Tensor output, Tensor target) {
      long classes = output.shape()[output.shape().length - 1];
      return output.reshape(-1, classes).crossEntropy(target.reshape(-1));
    }

    @Override
    long[] targetShape(long[] output) {
      return Arrays.copyOf(output, output.length - 1);
    }
  },
  /** The mean square of the difference. */
  MSE(DType.FLOAT32) {
    @Override
    Tensor lossOfFitting(Tensor output, Tensor target) {
      return output.mse(target);
    }
  },
  /** One minus the cosine of the angle, along the last dimension. */
  COSINE(DType.FLOAT32) {
    @Override
    Tensor lossOfFitting(Tensor output, Tensor target) {
      return output.cosineSimilarity(target, -1).mean().neg().add(1);
    }
  };

  private final DType targetType;

  Objective(DType targetType) {
    this.targetType = targetType;
  }

  DType targetType() {
    return targetType;
  }

  abstract Tensor lossOfFitting(Tensor output, Tensor target);

  /** The shape of targets for an output of some shape. */
  long[] targetShape(long[] output) {
    return output;
  }

  /**
   * The mean loss of a batch.
   *
   * @param target of {@link #targetType}
   */
  final Tensor loss(Tensor output, Tensor target) {
    Tensor fitting = output;
    if (this == MSE && output.shape().length == target.shape().length + 1) {
      fitting = output.squeeze(-1); // [n, 1] for n numbers
    }
    if (fitting.shape().length == 0
        || !Arrays.equals(targetShape(fitting.shape()), target.shape())) {
      throw new OFTArgumentException(
          "the model gives %s for a batch whose targets are %s: the loss %s needs targets of %s"
              .formatted(
                  text(output.shape()),
                  text(target.shape()),
                  Choice.word(this),
                  text(targetShape(output.shape()))));
    }
    return lossOfFitting(fitting, target);
  }

  private static String text(long[] shape) {
    return LongStream.of(shape)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(", ", "[", "]"));
  }

  /** Reads its word. */
  static final class Name extends Choice<Objective> {
    Name() {
      super(Objective.class);
    }
  }
}
