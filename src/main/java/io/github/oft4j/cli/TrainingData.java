package io.github.oft4j.cli;

import io.github.oft4j.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Examples to learn from, or to judge by.
 *
 * @param inputs of the model
 * @param target what it should give
 */
record TrainingData(List<Input> inputs, Column target) {
  private static final String SAFETENSORS = ".safetensors";

  /**
   * An argument of the model.
   *
   * @param argument its name; null for one by position
   * @param column its values
   */
  record Input(String argument, Column column) {
    boolean isIntegral() {
      return column.dtype() == DType.INT64;
    }
  }

  /**
   * Opens a file.
   *
   * @param file .safetensors, or JSON lines
   * @param inputs names in the file; null for the usual ones
   * @param target name in the file; null for the usual one
   */
  static TrainingData open(Path file, List<String> inputs, String target) throws CliException {
    boolean isSafetensors = file.toString().endsWith(SAFETENSORS);
    List<String> inputNames = inputs != null ? inputs : List.of(isSafetensors ? "inputs" : "input");
    String targetName = target != null ? target : isSafetensors ? "targets" : "target";
    return isSafetensors
        ? Safetensors.read(file).trainingData(inputNames, targetName)
        : JsonLines.read(file, inputNames, targetName);
  }

  int size() {
    return target.size();
  }

  /** All examples in their order. */
  int[] examples() {
    var examples = new int[size()];
    Arrays.setAll(examples, i -> i);
    return examples;
  }

  /** Cuts examples into batches, the last of which may be smaller. */
  static List<int[]> batches(int[] examples, int batchSize) {
    var batches = new ArrayList<int[]>();
    for (int begin = 0; begin < examples.length; begin += batchSize) {
      batches.add(
          Arrays.copyOfRange(examples, begin, Math.min(begin + batchSize, examples.length)));
    }
    return batches;
  }

  /** The same examples in an order that the seed decides. */
  static int[] shuffled(int[] examples, long seed) {
    int[] order = examples.clone();
    var random = new Random(seed);
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int example = order[i];
      order[i] = order[j];
      order[j] = example;
    }
    return order;
  }
}
