package io.github.oft4j.cli;

import io.github.oft4j.AdapterCheck;
import io.github.oft4j.CheckReport;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code oft check}: how an adapter fits a model and what it does to it. */
@Command(
    name = "check",
    description = {
      "Matches an adapter with a checkpoint and measures what it does to each layer.",
      "Exit code 1 where something is wrong."
    },
    sortOptions = false)
final class CheckCommand extends ReportingSubcommand {
  @Parameters(
      index = "0",
      paramLabel = "BASE",
      description = "A .safetensors file, or a folder with a model.")
  private Path base;

  @Parameters(index = "1", paramLabel = "ADAPTER", description = "A PEFT adapter folder.")
  private Path adapter;

  @Option(
      names = "--max-orthogonality-error",
      paramLabel = "X",
      description = "The largest ‖RᵀR−I‖ of a block that passes; default: 0.1.")
  private Double maxOrthogonalityError;

  @Option(
      names = "--plot",
      paramLabel = "FILE.svg",
      description = "Draw angles and hyperspherical energies.")
  private Path plot;

  @Option(names = "--all", description = "List all layers, not only the worst.")
  private boolean all;

  CheckCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    var check = AdapterCheck.of(base, adapter);
    if (maxOrthogonalityError != null) {
      check = check.maxOrthogonalityError(maxOrthogonalityError);
    }
    CheckReport report = check.run();
    if (plot != null) {
      AtomicFile.write(plot, CheckPlot.svg(report.layers(), adapter + " on " + base));
    }
    print(report.json(), () -> new CheckText(all).of(report));
    return report.problems().isEmpty() ? ExitCode.DONE : ExitCode.CHECK_FAILED;
  }
}
