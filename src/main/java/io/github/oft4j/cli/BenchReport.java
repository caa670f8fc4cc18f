package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the native program measured.
 *
 * @param document as it printed it
 * @param cases in its order
 */
record BenchReport(JsonNode document, List<Case> cases) {
  private static final String FORMAT = "oft-bench-1";
  private static final String OURS = "ours";
  private static final String BOUND = "bound";

  /**
   * The same work for all contenders, the first of which is ours.
   *
   * @param unit "s" or "B"
   */
  record Case(String work, String name, String unit, List<Contender> contenders) {
    String title() {
      return work + ": " + name;
    }

    Contender ours() {
      return contenders.getFirst();
    }

    /** Those that ours is compared with. */
    List<Contender> others() {
      return contenders.stream().filter(contender -> !contender.role.equals(OURS)).toList();
    }

    /** What ours takes, for each that the other takes. */
    double ratioTo(Contender other) {
      return ours().median / other.median;
    }
  }

  /** One contender's figures in the unit of its case. */
  record Contender(String name, String role, double median, double lowest, double highest) {
    boolean isBound() {
      return role.equals(BOUND);
    }
  }

  /** Reads a file that {@code --output} wrote. */
  static BenchReport read(Path file) throws CliException {
    try {
      return of(Documents.parse(Files.readString(file)));
    } catch (IOException e) {
      throw CliException.unreadable(file, e);
    } catch (IllegalStateException e) {
      throw new CliException(
          ExitCode.BAD_INPUT, file + " is no document of 'oft bench --output': make it anew");
    }
  }

  /**
   * Reads a document.
   *
   * @throws IllegalStateException if it is of another format
   */
  static BenchReport of(JsonNode document) {
    if (!document.path("format").asText().equals(FORMAT)) {
      throw new IllegalStateException("not of the format " + FORMAT);
    }
    var cases = new ArrayList<Case>();
    for (JsonNode measurement : document.path("measurements")) {
      var contenders = new ArrayList<Contender>();
      for (JsonNode contender : measurement.path("contenders")) {
        contenders.add(
            new Contender(
                contender.path("name").asText(),
                contender.path("role").asText(),
                contender.path("median").asDouble(),
                contender.path("lowest").asDouble(),
                contender.path("highest").asDouble()));
      }
      cases.add(
          new Case(
              measurement.path("work").asText(),
              measurement.path("case").asText(),
              measurement.path("unit").asText(),
              contenders));
    }
    return new BenchReport(document, cases);
  }

  /** What all figures stand on, in a line. */
  String machine() {
    JsonNode machine = document.path("machine");
    JsonNode oft = machine.path("oft");
    return String.format(
        Locale.ROOT,
        "%s, %s, %s, %.0f GFMA/s, %.1f GB/s copied",
        machine.path("processor").asText(),
        Figures.count(machine.path("threads").asLong(), "thread"),
        oft.path("isa").asText(),
        machine.path("multiply_adds_per_second").asDouble() / 1e9,
        machine.path("bytes_copied_per_second").asDouble() / 1e9);
  }

  List<String> leftOut() {
    return Documents.strings(document.path("left_out"));
  }
}
