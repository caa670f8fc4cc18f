package io.github.oft4j.train;

import io.github.oft4j.OFTIOException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder of checkpoints, each a folder {@code checkpoint-STEP} that appears whole: it is filled
 * under another name, forced to the disk, and renamed.
 */
final class CheckpointFolder {
  private static final String PREFIX = "checkpoint-";
  private static final String PARTIAL_PREFIX = ".partial-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d+)");

  /** Fills the folder of a checkpoint. */
  interface Content {
    void writeTo(Path folder) throws IOException;
  }

  private final Path root;

  /** Makes the folder where it is missing, and removes what a killed run left half-written. */
  CheckpointFolder(Path root) {
    this.root = root;
    try {
      Files.createDirectories(root);
      try (Stream<Path> entries = Files.list(root)) {
        for (Path partial : entries.filter(CheckpointFolder::isPartial).toList()) {
          delete(partial);
        }
      }
    } catch (IOException e) {
      throw failure("cannot prepare the folder of checkpoints " + root, e);
    }
  }

  Path of(long step) {
    return root.resolve(PREFIX + step);
  }

  /** The steps of all checkpoints, the last first. */
  List<Long> steps() {
    try (Stream<Path> entries = Files.list(root)) {
      return entries
          .map(entry -> NAME.matcher(entry.getFileName().toString()))
          .filter(name -> name.matches())
          .map(name -> Long.valueOf(name.group(1)))
          .sorted(Comparator.reverseOrder())
          .toList();
    } catch (IOException e) {
      throw failure("cannot list " + root, e);
    }
  }

  Optional<Long> last() {
    return steps().stream().findFirst();
  }

  /** Writes a checkpoint, in place of one of the same step. */
  Path write(long step, Content content) {
    Path target = of(step);
    Path partial = root.resolve(PARTIAL_PREFIX + step);
    try {
      delete(partial);
      Files.createDirectory(partial);
      content.writeTo(partial);
      force(partial);
      delete(target);
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
      forceEntries(root);
      return target;
    } catch (IOException e) {
      throw failure("cannot write the checkpoint " + target, e);
    }
  }

  /** Deletes all but the last checkpoints, and that of one step. */
  void prune(int kept, long keptStep) {
    try {
      for (long step : steps().stream().skip(kept).filter(step -> step != keptStep).toList()) {
        delete(of(step));
      }
    } catch (IOException e) {
      throw failure("cannot delete old checkpoints in " + root, e);
    }
  }

  void deleteAll() {
    try {
      delete(root);
    } catch (IOException e) {
      throw failure("cannot delete " + root, e);
    }
  }

  private static boolean isPartial(Path entry) {
    return entry.getFileName().toString().startsWith(PARTIAL_PREFIX);
  }

  /** Deletes what is there, if anything: a folder seems gone at once, under a partial's name. */
  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Path doomed = folder;
    if (!isPartial(folder)) {
      doomed = folder.resolveSibling(PARTIAL_PREFIX + "deleted-" + folder.getFileName());
      Files.move(folder, doomed, StandardCopyOption.ATOMIC_MOVE);
    }
    try (Stream<Path> entries = Files.walk(doomed)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }

  /** Returns once the disk has every file below a folder, and the folder. */
  private static void force(Path folder) throws IOException {
    try (Stream<Path> entries = Files.walk(folder)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        if (Files.isDirectory(entry)) {
          forceEntries(entry);
        } else {
          try (var file = FileChannel.open(entry, StandardOpenOption.WRITE)) {
            file.force(true);
          }
        }
      }
    }
  }

  private static void forceEntries(Path folder) throws IOException {
    try (var entries = FileChannel.open(folder, StandardOpenOption.READ)) {
      entries.force(true);
    }
  }

  private static OFTIOException failure(String what, IOException cause) {
    var failure = new OFTIOException(what + ": " + cause.getMessage());
    failure.initCause(cause);
    return failure;
  }
}
