package io.github.oft4j.cli;

import io.github.oft4j.AdapterFile;
import io.github.oft4j.MergeOptions;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTModelInfo;
import io.github.oft4j.OFTScope;
import io.github.oft4j.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** What a training leaves: an adapter, its log and checkpoints, and more where it is asked for. */
final class TrainOutput {
  private static final String CONFIG = "adapter_config.json";
  private static final String PARAMETERS = "adapter_model.safetensors";
  private static final String LOG = "log.jsonl";
  private static final String CHECKPOINTS = "checkpoints";

  @Option(
      names = "--merged",
      paramLabel = "FILE.pt",
      description = "Write the model with the adapter merged in, too.")
  private Path merged;

  @Option(
      names = "--plot",
      paramLabel = "FILE.svg",
      description = "Draw the losses, and how far each layer was turned.")
  private Path plot;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description = "Steps from checkpoint to checkpoint; default: an epoch.")
  private Long checkpointEverySteps;

  @Option(
      names = "--resume",
      description = "Go on from the last checkpoint in OUT, as if there had been no stop.")
  private boolean resume;

  @Option(names = "--force", description = "Replace an earlier training in OUT.")
  private boolean force;

  /** Makes the folder; an earlier training in it is kept, removed or refused. */
  void prepare(Path folder) throws CliException {
    try {
      Files.createDirectories(folder);
      for (String name :
          resume ? List.<String>of() : List.of(CHECKPOINTS, LOG, PARAMETERS, CONFIG)) {
        Path earlier = folder.resolve(name);
        if (!Files.exists(earlier)) {
          continue;
        }
        if (!force) {
          throw new CliException(
              ExitCode.BAD_INPUT,
              earlier + " is there already: --resume goes on from it, --force replaces it");
        }
        delete(earlier);
      }
    } catch (IOException e) {
      throw CliException.io("cannot prepare folder " + folder, e);
    }
  }

  void configure(Trainer<?> trainer, Path folder) {
    trainer.log(folder.resolve(LOG)).checkpoints(folder.resolve(CHECKPOINTS));
    if (checkpointEverySteps != null) {
      trainer.checkpointEverySteps(checkpointEverySteps);
    }
    if (resume) {
      trainer.resume();
    }
  }

  /**
   * Writes what remains of a training; the model is used up where it is merged.
   *
   * @return what was written, for a person
   */
  List<String> write(Path folder, OFTModel model, Path base) throws CliException {
    var written = new ArrayList<>(List.of("adapter", LOG, CHECKPOINTS));
    model.savePretrained(folder);
    if (plot != null) {
      String title = base + " trained to " + folder;
      AtomicFile.write(plot, TrainPlot.svg(folder.resolve(LOG), angles(model), title));
      written.add(plot.toString());
    }
    if (merged != null) {
      model.mergeAndUnload(MergeOptions.safe()).save(merged);
      written.add(merged.toString());
    }
    return written;
  }

  private static List<AnglePlot.Row> angles(OFTModel model) {
    var rows = new ArrayList<AnglePlot.Row>();
    for (OFTModelInfo.Layer layer : model.info().layers()) {
      try (OFTScope scope = model.scope().child()) {
        AdapterFile adapter = model.adapter(layer.adapter());
        adapter.moveTo(scope);
        var angles =
            Arrays.stream(adapter.rotation(layer.name(), layer.features()).angles().toDoubleArray())
                .map(Math::abs)
                .summaryStatistics();
        rows.add(new AnglePlot.Row(layer.name(), angles.getMax(), angles.getAverage()));
      }
    }
    return rows;
  }

  private static void delete(Path path) throws IOException {
    try (Stream<Path> entries = Files.walk(path)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }
}
