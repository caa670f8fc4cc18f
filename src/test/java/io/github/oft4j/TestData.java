package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The reference results of PEFT that the native tests use, too. */
final class TestData {
  static final Path ROOT = Path.of(System.getProperty("oft4j.testData", "native/tests/data"));
  static final Path VECTORS = ROOT.resolve("twelve_digit_vectors.json");

  private TestData() {}

  static Path path(String name) {
    return ROOT.resolve(name);
  }

  static JsonNode json(Path file) {
    try {
      return Json.parse(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The numbers of nested arrays, row by row. */
  static double[] numbers(JsonNode node) {
    if (node.isNumber()) {
      return new double[] {node.doubleValue()};
    }
    return node.valueStream()
        .map(TestData::numbers)
        .flatMapToDouble(java.util.Arrays::stream)
        .toArray();
  }

  /** The sizes of nested arrays. */
  static long[] shape(JsonNode node) {
    var shape = java.util.stream.LongStream.builder();
    for (JsonNode level = node; level.isArray(); level = level.get(0)) {
      shape.add(level.size());
    }
    return shape.build().toArray();
  }

  /** A float64 tensor of nested arrays. */
  static Tensor tensor(OFTScope scope, JsonNode node) {
    return Tensor.of(scope, numbers(node), shape(node));
  }
}
