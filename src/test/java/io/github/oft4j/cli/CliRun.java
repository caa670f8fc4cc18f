package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;

/** What one command line did. */
record CliRun(int code, String out, String err) {

  /** Runs a command in this process; arguments are turned into text. */
  static CliRun of(Object... args) {
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    String[] words = Stream.of(args).map(Object::toString).toArray(String[]::new);
    int code =
        Main.run(
            words,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new CliRun(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  CliRun expect(ExitCode expected) {
    assertEquals(expected.code(), code, () -> "out: " + out + "\nerr: " + err);
    return this;
  }

  /** The one line of a failure, without "oft COMMAND: ". */
  String failure(String command) {
    String prefix = command + ": ";
    assertEquals(1, err.lines().count(), () -> "not one line: " + err);
    assertTrue(err.startsWith(prefix), err);
    return err.substring(prefix.length()).strip();
  }

  /** All of stdout as one document. */
  JsonNode json() {
    return Documents.parse(out);
  }
}
