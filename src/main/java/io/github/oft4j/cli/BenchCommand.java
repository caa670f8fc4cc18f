package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code oft bench}: how fast this machine is with oft, beside its bounds and beside PEFT. */
@Command(
    name = "bench",
    description = {
      "Measures oft beside what bounds it (multiply-adds, memory, cp, the model without an",
      "adapter) and beside PEFT, by turns; or compares two such measurements.",
      "Exit code 1 where results differ from PEFT's, or a ratio has grown beyond the tolerance."
    },
    sortOptions = false)
final class BenchCommand extends ReportingSubcommand {
  private static final double DEFAULT_TOLERANCE = 0.1;
  private static final String RESULT = "oft-bench";

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "WORK",
      description = {
        "merge, cayley, forward, train, job, startup, or all of these, which is the default;",
        "unet where it is named: it writes two files of 1.7 GB and takes minutes."
      })
  private List<String> works;

  @Option(
      names = "--peer",
      paramLabel = "PYTHON",
      description = "A Python with PEFT; default: the one that './oft test --peft' made.")
  private Path peer;

  @Option(
      names = "--runs",
      paramLabel = "N",
      description = "How often each contender runs, where time allows; default: 7.")
  private Integer runs;

  @Option(
      names = "--tiny",
      description = "Smallest shapes, one run: shows that all works, no more.")
  private boolean tiny;

  @Option(
      names = "--output",
      paramLabel = "FILE.json",
      description = "Where to write the figures; default: build/oft-bench.json.")
  private Path output;

  @Option(
      names = "--plot",
      paramLabel = "FILE.svg",
      description = "Where to draw the ratios; default: build/oft-bench.svg.")
  private Path plot;

  @Option(
      names = "--compare",
      arity = "2",
      paramLabel = "FILE.json",
      description = "Compare the ratios of an older run with those of a newer one.")
  private List<Path> compared;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      description = "By what share a ratio may grow; default: " + DEFAULT_TOLERANCE + ".")
  private Double tolerance;

  BenchCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    checkOptions();
    return compared == null ? measure() : compare();
  }

  private void checkOptions() {
    if (works != null) {
      try {
        works.forEach(new BenchWork.Name()::convert);
      } catch (TypeConversionException e) { // picocli would call the word an unmatched one
        throw usage(e.getMessage());
      }
    }
    if (runs != null && runs < 1) {
      throw usage("--runs is " + runs + ": give 1 or more");
    }
    if (tolerance != null && !(tolerance >= 0)) {
      throw usage("--tolerance is " + tolerance + ": give 0 or more, like 0.1 for a tenth");
    }
    if (compared == null && tolerance != null) {
      throw usage("--tolerance needs --compare");
    }
    boolean measures =
        works != null || peer != null || runs != null || tiny || output != null || plot != null;
    if (compared != null && measures) {
      throw usage("--compare measures nothing: of the other options it takes --tolerance alone");
    }
  }

  private ExitCode compare() throws CliException {
    var comparison =
        BenchComparison.of(
            compared.getFirst(),
            compared.getLast(),
            tolerance == null ? DEFAULT_TOLERANCE : tolerance);
    print(comparison.toJson(), comparison::text);
    return comparison.worse().isEmpty() ? ExitCode.DONE : ExitCode.CHECK_FAILED;
  }

  private ExitCode measure() throws CliException {
    String document =
        BenchProgram.find()
            .run(
                arguments(),
                peer,
                line -> {
                  if (!json) {
                    session.err().println(line);
                  }
                });
    JsonNode parsed = Documents.parse(document);
    var report = BenchReport.of(parsed);
    var written = new ArrayList<Path>();
    Path figures = place(output, ".json");
    if (figures != null) {
      AtomicFile.write(figures, document.getBytes(StandardCharsets.UTF_8));
      written.add(figures);
    }
    Path picture = place(plot, ".svg");
    if (picture != null) {
      AtomicFile.write(picture, BenchPlot.svg(report));
      written.add(picture);
    }
    print(document, () -> BenchText.of(report, written));
    return ExitCode.DONE;
  }

  private List<String> arguments() {
    var arguments = new ArrayList<String>();
    if (works != null) {
      arguments.addAll(works);
    }
    if (runs != null) {
      arguments.addAll(List.of("--runs", runs.toString()));
    }
    if (tiny) {
      arguments.add("--tiny");
    }
    return arguments;
  }

  /** The file that was asked for, or the usual one where the build has a folder. */
  private static Path place(Path asked, String extension) {
    return asked != null
        ? asked
        : BenchProgram.defaultFolder()
            .map(folder -> folder.resolve(RESULT + extension))
            .orElse(null);
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
