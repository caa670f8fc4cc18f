package io.github.oft4j.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** The native program that measures, and what it is told by the script {@code oft}. */
final class BenchProgram {
  private static final String PROGRAM = "oft4j.bench";
  private static final String PEER = "oft4j.bench.peer";
  private static final String ENCODER = "oft4j.bench.encoder";
  private static final String HOME = "oft4j.home";

  /** With it the script makes its own start faster; no other program has it. */
  private static final String TUNABLES = "GLIBC_TUNABLES";

  private static final String PREFIX = "oft bench: ";

  private final Path program;

  private BenchProgram(Path program) {
    this.program = program;
  }

  static BenchProgram find() throws CliException {
    Path program = path(PROGRAM).orElse(null);
    if (program == null || !Files.isExecutable(program)) {
      throw new CliException(
          ExitCode.INTERNAL,
          (program == null ? "the property " + PROGRAM + " names no program" : program + " is none")
              + ": './oft bench' builds it and runs it; or build the target oft_bench with CMake"
              + " and name it by -D"
              + PROGRAM);
    }
    return new BenchProgram(program);
  }

  /** Where results go that have no other place. */
  static Optional<Path> defaultFolder() {
    return path(HOME).map(home -> home.resolve("build")).filter(Files::isDirectory);
  }

  /**
   * Runs it.
   *
   * @param arguments works and options
   * @param peer a Python with PEFT; null for the one that the script found
   * @param progress takes its lines
   * @return the document that it prints
   */
  String run(List<String> arguments, Path peer, Consumer<String> progress) throws CliException {
    var command = new ArrayList<>(List.of(program.toString()));
    command.addAll(arguments);
    Optional.ofNullable(peer)
        .or(() -> path(PEER))
        .ifPresent(python -> command.addAll(List.of("--peer", python.toString())));
    path(ENCODER).ifPresent(folder -> command.addAll(List.of("--encoder", folder.toString())));
    path(HOME)
        .map(home -> home.resolve("oft"))
        .filter(Files::isExecutable)
        .ifPresent(oft -> command.addAll(List.of("--oft", oft.toString())));
    var builder = new ProcessBuilder(command);
    builder.environment().remove(TUNABLES);
    try {
      return communicate(builder.start(), progress);
    } catch (IOException e) {
      throw CliException.io("cannot run " + program, e);
    }
  }

  private static String communicate(Process process, Consumer<String> progress)
      throws IOException, CliException {
    // Its signal handler removes what it wrote.
    var stop = new Thread(process::destroy, "oft-bench-stop");
    Runtime.getRuntime().addShutdownHook(stop);
    var lines = new ArrayList<String>();
    CompletableFuture<Void> errors =
        CompletableFuture.runAsync(() -> tell(process.errorReader(), lines, progress));
    String document = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    errors.join();
    int code = process.onExit().join().exitValue();
    Runtime.getRuntime().removeShutdownHook(stop);
    if (code == 0) {
      if (!lines.isEmpty()) {
        progress.accept(lines.getLast());
      }
      return document;
    }
    throw new CliException(exitCode(code), reason(lines, code));
  }

  /** Passes lines on, but for the last one, which may be of a failure. */
  private static void tell(BufferedReader reader, List<String> lines, Consumer<String> progress) {
    reader
        .lines()
        .forEach(
            line -> {
              if (!lines.isEmpty()) {
                progress.accept(lines.getLast());
              }
              lines.add(line);
            });
  }

  private static ExitCode exitCode(int code) {
    return code >= ExitCode.CHECK_FAILED.code() && code <= ExitCode.INTERNAL.code()
        ? ExitCode.ofCode(code)
        : ExitCode.INTERNAL;
  }

  /** The last thing it said. */
  private static String reason(List<String> lines, int code) {
    String last = lines.isEmpty() ? "" : lines.getLast();
    return last.startsWith(PREFIX)
        ? last.substring(PREFIX.length())
        : "the program that measures ended with status " + code;
  }

  private static Optional<Path> path(String property) {
    return Optional.ofNullable(System.getProperty(property))
        .filter(value -> !value.isEmpty())
        .map(Path::of);
  }
}
