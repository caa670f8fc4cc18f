package io.github.oft4j.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** A training job of the smallest size. Tests spoil one thing of it. */
final class TrainFixture {
  static final Path SCRIPTS =
      Path.of(System.getProperty("oft4j.testData", "native/tests/data")).resolve("scripts");
  static final int FEATURES = 16;
  static final int CLASSES = 4;
  static final int EXAMPLES = 24;

  final Path folder;
  Path model = SCRIPTS.resolve("mlp_scripted.pt");
  Path data;
  Path out;

  TrainFixture(Path folder) throws IOException {
    this.folder = folder;
    data = folder.resolve("data.jsonl");
    out = folder.resolve("out");
    Files.write(data, lines());
  }

  /** Examples whose class is where the largest of the first numbers is. */
  static List<String> lines() {
    var random = new Random(1);
    var lines = new ArrayList<String>();
    for (int i = 0; i < EXAMPLES; i++) {
      double[] x = random.doubles(FEATURES, -1, 1).toArray();
      int largest = IntStream.range(0, CLASSES).reduce(0, (best, j) -> x[j] > x[best] ? j : best);
      lines.add("{\"input\": %s, \"target\": %d}".formatted(text(x), largest));
    }
    return lines;
  }

  /** Puts a line in place of one, counted from 1. */
  void replaceLine(int number, String line) throws IOException {
    List<String> lines = lines();
    lines.set(number - 1, line);
    Files.write(data, lines);
  }

  /** A line of the right form. */
  static String line(String input, String target) {
    return "{\"input\": " + input + ", \"target\": " + target + "}";
  }

  static String numbers(int count) {
    return text(IntStream.range(0, count).mapToDouble(i -> i + 0.5).toArray());
  }

  CliRun train(String... options) {
    var words = new ArrayList<Object>(List.of("train", model, data, out));
    words.addAll(List.of("--target_modules", "fc1,fc2", "--oft_block_size", "8"));
    words.addAll(List.of(options));
    return CliRun.of(words.toArray());
  }

  private static String text(double[] numbers) {
    return Arrays.toString(numbers);
  }
}
