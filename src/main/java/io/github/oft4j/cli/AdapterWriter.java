package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.AdapterConvert;
import io.github.oft4j.AdapterFile;
import io.github.oft4j.ConvertTarget;
import io.github.oft4j.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Writes an adapter that was computed: for PEFT, or for LyCORIS where it turns outputs. */
final class AdapterWriter {
  private final Path target;
  private final boolean force;

  /**
   * Refuses an existing target before the work is done.
   *
   * @param force whether to replace it
   */
  AdapterWriter(Path target, boolean force) throws CliException {
    this.target = target;
    this.force = force;
    if (!force && isOccupied(target)) {
      throw new CliException(
          ExitCode.BAD_INPUT, target + ": exists already; remove it, choose another, or --force");
    }
  }

  /** Returns the files written. */
  List<String> write(AdapterFile adapter) {
    boolean turnsOutputs = adapter.layers().stream().anyMatch(layer -> layer.side() == Side.OUTPUT);
    var convert =
        AdapterConvert.of(adapter, turnsOutputs ? ConvertTarget.LYCORIS : ConvertTarget.PEFT);
    if (force) {
      convert.force();
    }
    return convert.writeTo(target).files();
  }

  /** A report as a document that tells where its subject is. */
  static String withFiles(String report, List<String> files) {
    var document = (ObjectNode) Documents.parse(report);
    files.forEach(document.putArray("files")::add);
    return document.toString();
  }

  private static boolean isOccupied(Path path) throws CliException {
    if (!Files.isDirectory(path)) {
      return Files.exists(path);
    }
    try (Stream<Path> entries = Files.list(path)) {
      return entries.findAny().isPresent();
    } catch (IOException e) {
      throw CliException.io("cannot look into " + path, e);
    }
  }
}
