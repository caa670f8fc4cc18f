package io.github.oft4j.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command without a subcommand: help and version. */
@Command(
    name = "oft",
    description = "Trains, merges, inspects and checks Orthogonal Finetuning (OFT) adapters.",
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "Exit codes: 0 done, 1 check or verification failed, 2 usage, 3 bad input, 4 I/O, 5 internal."
    })
final class OftCommand implements Callable<Integer> {
  private final Session session;

  @Spec private CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      description = "Show the versions of oft and libtorch.")
  private boolean version;

  OftCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    if (!version) {
      throw new ParameterException(spec.commandLine(), "No command given");
    }
    return new VersionCommand(session).execute().code();
  }
}
