package io.github.oft4j.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code oft quickstart}: the main job on real data, as a story of commands. */
@Command(
    name = "quickstart",
    description =
        "Inspects, checks and merges a real adapter, and shows what the merge is good for.",
    sortOptions = false)
final class QuickstartCommand extends Subcommand {
  private static final Path HERE = Path.of("").toAbsolutePath();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "oft-quickstart",
      description = "Where to write; default: ${DEFAULT-VALUE}.")
  private Path out;

  private record Step(String title, List<String> words) {}

  QuickstartCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    Path home = home();
    String oft = HERE.equals(home) ? "./oft" : shown(home.resolve("oft"));
    Path digits = home.resolve("examples/digits");
    Path base = digits.resolve("base");
    Path merged = out.resolve("merged");
    Path plot = out.resolve("check.svg");
    createFolder(out);

    say(
        """
        A small network reads handwritten digits, but not those turned by 90 degrees. PEFT
        trained an OFT adapter that rotates two of its layers until it does.\
        """);
    for (Step step : steps(shown(base), shown(digits.resolve("adapter")), merged, plot)) {
      ExitCode code = run(step, oft);
      if (code != ExitCode.DONE) {
        return code;
      }
    }
    boolean better = compare(base, merged, Safetensors.read(digits.resolve("digits.safetensors")));
    say(
        """

        The picture of step 2 is %s. Now take an adapter of your own:
          %s check BASE ADAPTER --plot picture.svg
          %<s merge BASE ADAPTER OUT --verify\
        """
            .formatted(plot, oft));
    return better ? ExitCode.DONE : ExitCode.CHECK_FAILED;
  }

  private ExitCode run(Step step, String oft) {
    say("\n" + step.title);
    say("$ " + oft + " " + String.join(" ", step.words));
    var words = new ArrayList<>(step.words);
    if (debug) {
      words.add("--debug");
    }
    return ExitCode.ofCode(Main.run(words.toArray(String[]::new), session));
  }

  private boolean compare(Path base, Path merged, Safetensors images) throws CliException {
    double before = accuracy(base, images);
    double after = accuracy(merged, images);
    say(
        String.format(
            Locale.ROOT,
            """

            4. Is it any good? Turned digits that neither training has seen, read in plain Java:
              recognised by the base model    %5.1f %%
              recognised by the merged model  %5.1f %%\
            """,
            100 * before,
            100 * after));
    return after > before;
  }

  private static List<Step> steps(String base, String adapter, Path merged, Path plot) {
    var merge = new ArrayList<>(List.of("merge", base, adapter, merged.toString(), "--verify"));
    if (Files.exists(merged)) {
      merge.add("--force");
    }
    return List.of(
        new Step("1. What does the adapter hold?", List.of("info", adapter)),
        new Step(
            "2. Does it fit the network, and what does it do to it?",
            List.of("check", base, adapter, "--plot", plot.toString())),
        new Step("3. Merge it, recomputing in float64 to be sure.", merge));
  }

  private static double accuracy(Path model, Safetensors images) throws CliException {
    return DigitNet.load(model.resolve("model.safetensors"))
        .accuracy(images.unsignedBytes("turned"), images.longs("labels"));
  }

  private static Path home() throws CliException {
    String home = System.getProperty("oft4j.home");
    if (home == null) {
      throw new CliException(
          ExitCode.BAD_INPUT,
          "the example data lies in the repository: run './oft quickstart' there");
    }
    return Path.of(home).toAbsolutePath().normalize();
  }

  private static void createFolder(Path folder) throws CliException {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw CliException.io("cannot create folder " + folder, e);
    }
  }

  private void say(String line) {
    session.out().println(line);
  }

  private static String shown(Path path) {
    return path.startsWith(HERE) ? HERE.relativize(path).toString() : path.toString();
  }
}
