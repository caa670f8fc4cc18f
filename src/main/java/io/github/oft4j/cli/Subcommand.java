package io.github.oft4j.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Option;

/** What all commands share. */
abstract class Subcommand implements Callable<Integer> {
  final Session session;

  @Option(names = "--debug", description = "Print a stack trace with a failure (also: OFT_DEBUG).")
  boolean debug;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  Subcommand(Session session) {
    this.session = session;
  }

  @Override
  public final Integer call() throws CliException {
    try {
      return execute().code();
    } catch (Error e) { // picocli would let it pass
      throw new IllegalStateException(e);
    }
  }

  abstract ExitCode execute() throws CliException;
}
