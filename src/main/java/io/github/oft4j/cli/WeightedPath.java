package io.github.oft4j.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;

/**
 * A path, with a number after a colon where it has one.
 *
 * @param path of an adapter
 * @param weight 1 where none is given
 */
record WeightedPath(Path path, double weight) {
  /** A path that exists is one, whatever it looks like. */
  static WeightedPath of(String word) {
    int colon = word.lastIndexOf(':');
    if (colon > 0 && !Files.exists(Path.of(word))) {
      OptionalDouble weight = number(word.substring(colon + 1));
      if (weight.isPresent()) {
        return new WeightedPath(Path.of(word.substring(0, colon)), weight.getAsDouble());
      }
    }
    return new WeightedPath(Path.of(word), 1);
  }

  private static OptionalDouble number(String text) {
    try {
      return OptionalDouble.of(Double.parseDouble(text));
    } catch (NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }
}
