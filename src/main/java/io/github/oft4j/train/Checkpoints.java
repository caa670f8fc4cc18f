package io.github.oft4j.train;

import io.github.oft4j.OFTIOException;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTParseException;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.Optimizer;
import io.github.oft4j.RandomState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a training needs to go on, and the adapters of its best evaluation. */
final class Checkpoints implements AutoCloseable {
  private static final String DEFAULT_ADAPTER = "default";
  private static final String ADAPTERS = "adapter";
  private static final String OPTIMIZER = "optimizer.pt";
  private static final String RANDOM = "random_state.bin";
  private static final String STATE = "state.json";

  private final OFTModel model;
  private final CheckpointFolder folder;
  private final boolean isTemporary;
  private final int kept;

  private Checkpoints(OFTModel model, CheckpointFolder folder, boolean isTemporary, int kept) {
    this.model = model;
    this.folder = folder;
    this.isTemporary = isTemporary;
    this.kept = kept;
  }

  /** Opens the user's folder; null where nothing is to be kept. */
  static Checkpoints of(Trainer<?> settings) {
    if (settings.checkpoints != null) {
      var folder = new CheckpointFolder(settings.checkpoints);
      if (!settings.resume && folder.last().isPresent()) {
        throw new OFTStateException(
            folder.of(folder.last().get())
                + " is of an earlier run: resume() goes on from it, or choose another folder");
      }
      return new Checkpoints(settings.model, folder, false, settings.keptCheckpoints);
    }
    if (settings.patience == 0) {
      return null;
    }
    try {
      var folder = new CheckpointFolder(Files.createTempDirectory("oft4j-best-"));
      return new Checkpoints(settings.model, folder, true, 0);
    } catch (IOException e) {
      throw new OFTIOException("cannot make a folder for the best adapter: " + e.getMessage());
    }
  }

  /** The state of the last checkpoint, or that of the start. */
  TrainingState lastState() {
    if (folder.last().isEmpty()) {
      return TrainingState.START;
    }
    Path file = folder.of(folder.last().get()).resolve(STATE);
    try {
      return TrainingState.parse(Files.readString(file));
    } catch (IOException e) {
      throw new OFTIOException("cannot read " + file + ": " + e.getMessage());
    } catch (OFTParseException e) {
      throw new OFTParseException(file + " is no state of a training: " + e.getMessage());
    }
  }

  Path write(TrainingState state, Optimizer optimizer) {
    Path written =
        folder.write(
            state.step(),
            target -> {
              model.savePretrained(
                  target.resolve(ADAPTERS), model.activeAdapters().toArray(String[]::new));
              optimizer.save(target.resolve(OPTIMIZER));
              Files.write(target.resolve(RANDOM), RandomState.get());
              Files.writeString(target.resolve(STATE), state.toJson());
            });
    folder.prune(kept, state.best() == null ? state.step() : state.best().step());
    return written;
  }

  /** Gives the model the adapters of a checkpoint; its parameters are new tensors then. */
  void restoreAdapters(long step) {
    Path adapters = folder.of(step).resolve(ADAPTERS);
    for (String name : model.activeAdapters()) {
      Path adapter = name.equals(DEFAULT_ADAPTER) ? adapters : adapters.resolve(name);
      model.loadAdapter(adapter, name, true);
    }
  }

  void restoreOptimizer(long step, Optimizer optimizer) {
    optimizer.load(folder.of(step).resolve(OPTIMIZER));
  }

  void restoreRandomState(long step) {
    Path file = folder.of(step).resolve(RANDOM);
    try {
      RandomState.set(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new OFTIOException("cannot read " + file + ": " + e.getMessage());
    }
  }

  /** Removes a folder that nobody asked for. */
  @Override
  public void close() {
    if (isTemporary) {
      folder.deleteAll();
    }
  }
}
