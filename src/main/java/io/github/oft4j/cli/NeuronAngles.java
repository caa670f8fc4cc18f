package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.Tensor;

/** The angles between the neurons of a layer, which are the rows of its weight. */
final class NeuronAngles {
  private final double[] cosines;
  private final int neurons;

  /** Measures a weight {@code [neurons, inputs]}. */
  NeuronAngles(Tensor weight) {
    Tensor directions = weight.to(DType.FLOAT64).normalize(1);
    cosines = directions.matmul(directions.transpose(0, 1)).toDoubleArray();
    neurons = Math.toIntExact(weight.shape()[0]);
  }

  int pairs() {
    return neurons * (neurons - 1) / 2;
  }

  /** The largest difference between the angles of a pair here and there, in radians. */
  double largestDifference(NeuronAngles other) {
    double largest = 0;
    for (int i = 0; i < neurons; i++) {
      for (int j = 0; j < i; j++) {
        largest = Math.max(largest, Math.abs(angle(i, j) - other.angle(i, j)));
      }
    }
    return largest;
  }

  private double angle(int i, int j) {
    return Math.acos(Math.clamp(cosines[i * neurons + j], -1, 1));
  }
}
