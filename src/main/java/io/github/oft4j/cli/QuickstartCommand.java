package io.github.oft4j.cli;

import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code oft quickstart}: the main job on real data, as a story of commands. */
@Command(
    name = "quickstart",
    description = "Fine-tunes a small network, merges what it learned, and shows what came of it.",
    sortOptions = false)
final class QuickstartCommand extends Subcommand {
  private static final Path HERE = Path.of("").toAbsolutePath();
  private static final List<String> ROTATED = List.of("fc1", "fc2");
  private static final int LINE_LENGTH = 94;
  private static final double LEAST_ACCURACY = 0.9;

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
    createFolder(out);
    say(
        """
        A small network reads handwritten digits, but not those turned by 90 degrees. Orthogonal
        finetuning teaches it to: it rotates the neurons of two layers, all together, so that
        the angles between them stay as they are, and with them what the network knows.\
        """);
    for (Step step : steps(shown(digits))) {
      ExitCode code = run(step, oft);
      if (code != ExitCode.DONE) {
        return code;
      }
    }
    boolean isGood;
    try (var scope = OFTScope.open()) {
      isGood = judge(scope, digits);
      compareAngles(scope, digits);
    }
    say(
        """

        Pictures: %s (losses, rotations), %s (angles, energies).
        Now take a model of your own:
          %s train MODEL.pt DATA.jsonl ADAPTER --target_modules all-linear --eval-fraction 0.1
          %<s merge BASE ADAPTER OUT --verify\
        """
            .formatted(out.resolve("training.svg"), out.resolve("check.svg"), oft));
    return isGood ? ExitCode.DONE : ExitCode.CHECK_FAILED;
  }

  private List<Step> steps(String digits) {
    String adapter = out.resolve("adapter").toString();
    Path merged = out.resolve("merged");
    var train = words("train %s/base.pt %s/training.jsonl %s", digits, digits, adapter);
    train.addAll(words("--eval %s/test.jsonl", digits));
    train.addAll(words("--target_modules %s --oft_block_size 32", String.join(",", ROTATED)));
    train.addAll(words("--epochs 15 --lr 5e-3 --schedule cosine"));
    train.addAll(
        words("--merged %s --plot %s", out.resolve("merged.pt"), out.resolve("training.svg")));
    var merge = words("merge %s/base %s %s --verify", digits, adapter, merged);
    if (Files.exists(merged)) {
      train.add("--force");
      merge.add("--force");
    }
    return List.of(
        new Step("1. Train on 1200 turned digits, judge by 597 others.", train),
        new Step(
            "2. What did that do to the network?",
            words("check %s/base %s --plot %s", digits, adapter, out.resolve("check.svg"))),
        new Step("3. Merge it into the checkpoint, recomputing in float64 to be sure.", merge));
  }

  private ExitCode run(Step step, String oft) {
    say("\n" + step.title);
    say(wrapped("$ " + oft, step.words));
    var words = new ArrayList<>(step.words);
    if (debug) {
      words.add("--debug");
    }
    return ExitCode.ofCode(Main.run(words.toArray(String[]::new), session));
  }

  /** Tells the accuracies, and whether they are what they should be. */
  private boolean judge(OFTScope scope, Path digits) throws CliException {
    var test = TrainingData.open(digits.resolve("test.jsonl"), null, null);
    Tensor images = test.inputs().getFirst().column().batch(scope, test.examples());
    long[] labels = test.target().batch(scope, test.examples()).toLongArray();

    var base = ScriptModule.load(scope, digits.resolve("base.pt"));
    var merged = ScriptModule.load(scope, out.resolve("merged.pt"));
    var model = OFTModel.fromPretrained(base, out.resolve("adapter"));
    model.loadAdapter(digits.resolve("adapter"), "peft");
    double before = accuracy(base::forward, images, labels);
    double after = accuracy(model::forward, images, labels);
    double ofMerged = accuracy(merged::forward, images, labels);
    double inJava =
        DigitNet.load(out.resolve("merged/model.safetensors"))
            .accuracy(images.toFloatArray(), labels);
    model.setAdapter("peft");
    double ofPeft = accuracy(model::forward, images, labels);
    say("\n4. Load all of it again. How many of the 597 are recognised?");
    say(row("base.pt", before));
    say(row("base.pt with the adapter", after));
    say(row("base.pt with an adapter that PEFT trained", ofPeft));
    say(row("merged.pt", ofMerged));
    say(row("merged/model.safetensors, by plain Java", inJava));
    return after >= LEAST_ACCURACY && ofMerged == after && inJava == after && before < after;
  }

  private void compareAngles(OFTScope scope, Path digits) {
    var base = ScriptModule.load(scope, digits.resolve("base.pt"));
    var merged = ScriptModule.load(scope, out.resolve("merged.pt"));
    say("\n5. Are the angles between neurons kept? Each pair, before and after:");
    for (String layer : ROTATED) {
      var before = new NeuronAngles(base.parameter(layer + ".weight"));
      var after = new NeuronAngles(merged.parameter(layer + ".weight"));
      say(
          String.format(
              Locale.ROOT,
              "  %-42s differ by at most %.6f°",
              String.format(Locale.ROOT, "%,d angles in %s", before.pairs(), layer),
              Math.toDegrees(before.largestDifference(after))));
    }
  }

  /** The share of images whose label gets the best score. */
  private static double accuracy(Function<Tensor, Tensor> model, Tensor images, long[] labels) {
    long[] answers = model.apply(images).argmax(1).toLongArray();
    int right = 0;
    for (int i = 0; i < labels.length; i++) {
      right += answers[i] == labels[i] ? 1 : 0;
    }
    return (double) right / labels.length;
  }

  private static String row(String what, double accuracy) {
    return String.format(Locale.ROOT, "  %-42s %5.1f %%", what, 100 * accuracy);
  }

  private static List<String> words(String line, Object... values) {
    var words = new ArrayList<String>();
    int value = 0;
    for (String word : line.split(" ")) {
      boolean isFilled = word.contains("%s");
      words.add(isFilled ? word.replace("%s", values[value++].toString()) : word);
    }
    return words;
  }

  /** A command in lines that a shell takes as one. */
  private static String wrapped(String start, List<String> words) {
    var text = new StringBuilder(start);
    int length = start.length();
    for (String word : words) {
      if (length + 1 + word.length() > LINE_LENGTH) {
        text.append(" \\\n   ");
        length = 3;
      }
      text.append(' ').append(word);
      length += 1 + word.length();
    }
    return text.toString();
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
