package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.AdapterExtract;
import io.github.oft4j.DType;
import io.github.oft4j.ExtractedAdapter;
import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTScope;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code oft extract}: the adapter that takes one checkpoint nearest to another. */
@Command(
    name = "extract",
    description = {
      "Finds the OFT adapter that comes nearest to taking a checkpoint to a tuned one.",
      "OUT becomes an adapter folder that PEFT reads."
    },
    sortOptions = false)
final class ExtractCommand extends ReportingSubcommand {
  /** One of two ways to cut a dimension into blocks. */
  private static final class Blocks {
    @Option(names = "--oft_block_size", paramLabel = "B", description = "Edge of a block.")
    private Long size;

    @Option(names = "--r", paramLabel = "R", description = "Blocks of each layer; default: 8.")
    private Long count;
  }

  @Parameters(index = "0", paramLabel = "BASE", description = "The model before: file or folder.")
  private Path base;

  @Parameters(index = "1", paramLabel = "TUNED", description = "The same model after.")
  private Path tuned;

  @Parameters(index = "2", paramLabel = "OUT", description = "The folder to write.")
  private Path target;

  @ArgGroup private Blocks blocks = new Blocks();

  @Option(
      names = "--target_modules",
      paramLabel = "NAMES",
      split = ",",
      description = "Layers to fit: paths or their last parts; default: all that differ.")
  private List<String> targetModules;

  @Option(
      names = "--exclude_modules",
      paramLabel = "NAMES",
      split = ",",
      description = "Layers to leave alone.")
  private List<String> excludeModules;

  @Option(names = "--block_share", description = "Blocks of a layer share their parameters.")
  private boolean blockShare;

  @Option(
      names = "--component",
      paramLabel = "NAME",
      description = "The part of two pipelines to compare: unet, text_encoder, ...")
  private String component;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = FloatingType.class,
      description = "Write float16, bfloat16, float32 or float64; default: float32.")
  private DType dtype;

  @Option(names = "--force", description = "Replace an existing OUT.")
  private boolean force;

  @Option(names = "--all", description = "List all layers, not only the worst.")
  private boolean all;

  ExtractCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    var writer = new AdapterWriter(target, force);
    var extract = AdapterExtract.of(base, tuned, config());
    if (component != null) {
      extract.component(component);
    }
    if (dtype != null) {
      extract.dtype(dtype);
    }
    session.interruption().beginCancellableJob();
    try (var scope = OFTScope.open();
        var progress = Progress.of(Progress.Job.EXTRACT, session, json)) {
      ExtractedAdapter extracted =
          extract
              .progress(
                  (done, total) -> {
                    progress.update(done, total, "");
                    return !session.interruption().requested();
                  })
              .extract(scope);
      List<String> files = writer.write(extracted.adapter());
      print(
          AdapterWriter.withFiles(extracted.report().json(), files),
          () -> new ExtractText(all).of(base, tuned, extracted.report(), files));
    }
    return ExitCode.DONE;
  }

  private OFTConfig config() {
    ObjectNode keys = new ObjectMapper().createObjectNode();
    keys.put("block_share", blockShare);
    if (blocks.size != null) {
      keys.put("oft_block_size", blocks.size);
    }
    if (blocks.count != null) {
      keys.put("r", blocks.count);
    }
    if (targetModules != null) {
      targetModules.forEach(keys.putArray("target_modules")::add);
    }
    if (excludeModules != null) {
      excludeModules.forEach(keys.putArray("exclude_modules")::add);
    }
    return OFTConfig.parse(keys.toString());
  }
}
