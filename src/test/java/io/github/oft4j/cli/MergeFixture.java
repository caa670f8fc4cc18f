package io.github.oft4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A merge job of the smallest size: one Linear of 8 × 8 and an adapter with two blocks of 4. Tests
 * spoil one thing of it.
 */
final class MergeFixture {
  static final int FEATURES = 8;
  static final int BLOCK = 4;
  static final int BLOCK_PARAMETERS = BLOCK * (BLOCK - 1) / 2;
  static final String ROTATION_KEY = "base_model.model.fc.oft_R.weight";

  final Path folder;
  Path base;
  Path adapter;
  Path target;

  MergeFixture(Path folder) throws IOException {
    this.folder = folder;
    base = folder.resolve("base.safetensors");
    adapter = folder.resolve("adapter");
    target = folder.resolve("merged.safetensors");
    Files.createDirectory(adapter);
    writeBase(header("fc.weight", "F32", FEATURES, FEATURES), floats(FEATURES * FEATURES));
    writeConfig(config("fc"));
    writeRotations(
        header(ROTATION_KEY, "F32", FEATURES / BLOCK, BLOCK_PARAMETERS),
        floats(FEATURES / BLOCK * BLOCK_PARAMETERS));
  }

  void writeBase(String header, byte[] data) throws IOException {
    Files.write(base, safetensors(header, data));
  }

  void writeConfig(String json) throws IOException {
    Files.writeString(adapter.resolve("adapter_config.json"), json);
  }

  void writeRotations(String header, byte[] data) throws IOException {
    Files.write(rotations(), safetensors(header, data));
  }

  Path rotations() {
    return adapter.resolve("adapter_model.safetensors");
  }

  /** Makes the base 128 MB large, so that a merge takes long enough to be cancelled. */
  void enlargeBase() throws IOException {
    int rows = 1 << 22;
    writeBase(header("fc.weight", "F32", rows, FEATURES), new byte[rows * FEATURES * Float.BYTES]);
  }

  /** Moves the base into a folder of its own, where the target is a folder, too. */
  Path baseAsFolder() throws IOException {
    Path model = Files.createDirectory(folder.resolve("base"));
    base = Files.move(base, model.resolve("model.safetensors")).getParent();
    target = folder.resolve("merged");
    return base;
  }

  CliRun merge(String... options) {
    Object[] words = {"merge", base, adapter, target};
    Object[] all = Arrays.copyOf(words, words.length + options.length);
    System.arraycopy(options, 0, all, words.length, options.length);
    return CliRun.of(all);
  }

  /** Every file below the folder, hidden ones too, with a hash of its bytes. */
  Map<Path, Integer> snapshot() throws IOException {
    try (var files = Files.walk(folder)) {
      return files.collect(
          Collectors.toMap(
              file -> folder.relativize(file), MergeFixture::content, (a, _) -> a, TreeMap::new));
    }
  }

  static String config(String target) {
    return """
    {"peft_type": "OFT", "peft_version": "0.21.0", "r": 0, "oft_block_size": %d,
     "use_cayley_neumann": false, "target_modules": ["%s"]}
    """
        .formatted(BLOCK, target);
  }

  /** The header of a file with one tensor, of a type of four bytes. */
  static String header(String name, String dtype, int rows, int columns) {
    return """
    {"%s": {"dtype": "%s", "shape": [%d, %d], "data_offsets": [0, %d]}}\
    """
        .formatted(name, dtype, rows, columns, rows * columns * Float.BYTES);
  }

  static byte[] safetensors(String header, byte[] data) {
    return safetensors(header.getBytes(StandardCharsets.UTF_8), data);
  }

  static byte[] safetensors(byte[] header, byte[] data) {
    return ByteBuffer.allocate(Long.BYTES + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }

  /** Numbers around 0.1 that differ. */
  static byte[] floats(int count) {
    var buffer = ByteBuffer.allocate(count * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      buffer.putFloat(0.1f + 0.01f * (i * 7 % 11));
    }
    return buffer.array();
  }

  private static int content(Path file) {
    try {
      return Files.isRegularFile(file) ? Arrays.hashCode(Files.readAllBytes(file)) : 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
