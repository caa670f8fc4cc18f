package io.github.oft4j.cli;

import io.github.oft4j.AdapterBlend;
import io.github.oft4j.AdapterFile;
import io.github.oft4j.BlendRule;
import io.github.oft4j.BlendedAdapter;
import io.github.oft4j.DType;
import io.github.oft4j.OFTScope;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code oft blend}: one adapter from one or several. */
@Command(
    name = "blend",
    description = {
      "Makes one adapter from one or several, on the group of rotations: the result is orthogonal.",
      "A single adapter with a weight is that adapter at this strength."
    },
    sortOptions = false)
final class BlendCommand extends ReportingSubcommand {
  @Parameters(
      arity = "2..*",
      paramLabel = "ADAPTER[:WEIGHT]... OUT",
      hideParamSyntax = true,
      description = {
        "Adapters, whoever made them; weights multiply their angles, 1 by default;",
        "then what to write: a folder for PEFT, or, of what turns outputs, a file for LyCORIS."
      })
  private List<String> adaptersAndTarget;

  @Option(
      names = "--rule",
      paramLabel = "NAME",
      converter = RuleName.class,
      description = "group (default), or ortho-merge, which keeps the mean strength.")
  private BlendRule rule;

  @Option(
      names = "--base",
      paramLabel = "PATH",
      description = "The model they are for; gives layers of other makers' files their paths.")
  private Path base;

  @Option(
      names = "--component",
      paramLabel = "NAME",
      description = "The part of a pipeline they are for: unet, text_encoder, ...")
  private String component;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = FloatingType.class,
      description = "Write float16, bfloat16, float32 or float64; default: float32.")
  private DType dtype;

  @Option(
      names = "--force",
      description = "Go on where adapters disagree on biases or saved modules; replace an old OUT.")
  private boolean force;

  @Option(names = "--all", description = "List all layers, not only the first.")
  private boolean all;

  BlendCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    List<WeightedPath> parts =
        adaptersAndTarget.subList(0, adaptersAndTarget.size() - 1).stream()
            .map(WeightedPath::of)
            .toList();
    var writer = new AdapterWriter(Path.of(adaptersAndTarget.getLast()), force);
    try (var scope = OFTScope.open()) {
      var blend = configure();
      for (WeightedPath part : parts) {
        blend.add(AdapterFile.load(scope, part.path()), part.weight());
      }
      BlendedAdapter blended = blend.blend(scope);
      List<String> files = writer.write(blended.adapter());
      print(
          AdapterWriter.withFiles(blended.report().json(), files),
          () -> new BlendText(all).of(parts, blended.report(), files));
    }
    return ExitCode.DONE;
  }

  private AdapterBlend configure() {
    var blend = new AdapterBlend();
    if (rule != null) {
      blend.rule(rule);
    }
    if (base != null) {
      blend.base(base);
    }
    if (component != null) {
      blend.component(component);
    }
    if (dtype != null) {
      blend.dtype(dtype);
    }
    if (force) {
      blend.force();
    }
    return blend;
  }

  private static final class RuleName extends Choice<BlendRule> {
    RuleName() {
      super(BlendRule.class);
    }
  }
}
