package io.github.oft4j.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a command shares with the process that runs it.
 *
 * @param out for results
 * @param err for progress and failures
 * @param terminal whether a person watches {@code err} live
 * @param interruption the user's wish to stop
 */
record Session(PrintStream out, PrintStream err, boolean terminal, Interruption interruption) {

  /** The console tells of stdin and stdout only, and a bar in a log file is a nuisance. */
  static boolean stderrIsTerminal() {
    try {
      String device = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty");
    } catch (IOException notLinux) {
      return System.console() != null && System.console().isTerminal();
    }
  }
}
