package io.github.oft4j.cli;

import io.github.oft4j.AdapterCheck;
import io.github.oft4j.CheckReport;
import java.nio.file.Path;
import java.util.ArrayList;
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

  @Parameters(
      index = "1",
      paramLabel = "ADAPTER",
      converter = AdapterArgument.Converter.class,
      description = {
        "An adapter: a folder of PEFT, or a file of another maker;",
        "for a component of a pipeline also COMPONENT=ADAPTER."
      })
  private AdapterArgument adapter;

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

  @Option(
      names = "--html",
      paramLabel = "FILE.html",
      description = "Write a page with all figures, to read in a browser.")
  private Path html;

  @Option(names = "--all", description = "List all layers, not only the worst.")
  private boolean all;

  CheckCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    var check = AdapterCheck.of(adapter.modelOf(base), adapter.path());
    if (maxOrthogonalityError != null) {
      check = check.maxOrthogonalityError(maxOrthogonalityError);
    }
    CheckReport report = check.run();
    var written = new ArrayList<Path>();
    if (plot != null) {
      AtomicFile.write(plot, CheckPlot.svg(report.layers(), adapter + " on " + base));
      written.add(plot);
    }
    if (html != null) {
      AtomicFile.write(html, CheckPage.html(report, base, adapter.path()));
      written.add(html);
    }
    print(report.json(), () -> new CheckText(all).of(report, written));
    return report.problems().isEmpty() ? ExitCode.DONE : ExitCode.CHECK_FAILED;
  }
}
