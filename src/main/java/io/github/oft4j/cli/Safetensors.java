package io.github.oft4j.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The tensors of a safetensors file, read when they are needed. In plain Java: the quickstart
 * judges the work of {@code liboft} by what anybody can read in the files.
 */
final class Safetensors {
  private static final long LARGEST_HEADER = 100_000_000;
  private static final String METADATA = "__metadata__";

  private final Path file;
  private final JsonNode header;
  private final long dataStart;
  private final long fileSize;

  private Safetensors(Path file, JsonNode header, long dataStart, long fileSize) {
    this.file = file;
    this.header = header;
    this.dataStart = dataStart;
    this.fileSize = fileSize;
  }

  /** Reads and checks the header. */
  static Safetensors read(Path file) throws CliException {
    try (var channel = FileChannel.open(file)) {
      long fileSize = channel.size();
      if (fileSize < Long.BYTES) {
        throw bad(file, "has " + fileSize + " bytes and cannot be a safetensors file");
      }
      long headerSize = bytes(channel, 0, Long.BYTES).getLong();
      if (headerSize < 0 || headerSize > Math.min(LARGEST_HEADER, fileSize - Long.BYTES)) {
        throw bad(
            file,
            "claims a header of %s bytes, and is no safetensors file, or truncated"
                .formatted(Long.toUnsignedString(headerSize)));
      }
      ByteBuffer text = bytes(channel, Long.BYTES, (int) headerSize);
      JsonNode header = new ObjectMapper().readTree(StandardCharsets.UTF_8.decode(text).toString());
      if (!(header instanceof ObjectNode tensors)) {
        throw bad(file, "has a header that is no JSON object");
      }
      tensors.remove(METADATA);
      return new Safetensors(file, tensors, Long.BYTES + headerSize, fileSize);
    } catch (JsonProcessingException e) {
      throw bad(file, "has a header that is not valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw CliException.unreadable(file, e);
    }
  }

  /** Tensors whose first dimension counts examples. */
  TrainingData trainingData(List<String> inputs, String target) throws CliException {
    TensorColumn targets = column(target);
    var columns = new ArrayList<TrainingData.Input>();
    for (String input : inputs) {
      TensorColumn column = column(input);
      if (column.size() != targets.size()) {
        throw bad(
            file,
            "holds %d examples in tensor \"%s\" and %d in \"%s\": their first dimensions must agree"
                .formatted(column.size(), input, targets.size(), target));
      }
      columns.add(new TrainingData.Input(null, column));
    }
    if (targets.size() == 0) {
      throw bad(file, "holds no example");
    }
    return new TrainingData(columns, targets);
  }

  /** The elements of an F32 tensor, row-major. */
  float[] floats(String name) throws CliException {
    return column(name).floats();
  }

  private TensorColumn column(String name) throws CliException {
    JsonNode tensor = header.get(name);
    if (tensor == null) {
      var names = new ArrayList<String>();
      header.fieldNames().forEachRemaining(known -> names.add("\"" + known + "\""));
      throw bad(
          file,
          "lacks the tensor \"%s\" (it has %s): --inputs and --targets name the tensors"
              .formatted(name, String.join(", ", names)));
    }
    String dtype = tensor.path("dtype").asText();
    long[] shape = longs(tensor.path("shape"));
    long[] offsets = longs(tensor.path("data_offsets"));
    var type = TensorColumn.Type.of(dtype);
    if (type == null) {
      throw bad(
          file,
          "tensor \"%s\" is %s: this command reads %s"
              .formatted(name, dtype, TensorColumn.Type.names()));
    }
    long bytes = byteSize(type.bytes(), shape);
    if (shape.length == 0
        || shape[0] > Integer.MAX_VALUE
        || offsets.length != 2
        || offsets[0] < 0
        || offsets[1] - offsets[0] != bytes
        || offsets[1] > fileSize - dataStart) {
      throw bad(
          file,
          "tensor \"%s\" of shape %s lies outside of the file, which is truncated, or malformed"
              .formatted(name, tensor.path("shape")));
    }
    return new TensorColumn(file, name, type, shape, dataStart + offsets[0]);
  }

  /** -1 for a shape that no tensor in this file can have. */
  private long byteSize(long elementBytes, long[] shape) {
    long bytes = elementBytes;
    for (long size : shape) {
      if (size < 0 || (size > 0 && bytes > fileSize / size)) {
        return -1;
      }
      bytes *= size;
    }
    return bytes;
  }

  /** The bytes at a position, in the file's order. */
  static ByteBuffer bytes(FileChannel channel, long position, int size) throws IOException {
    var bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, position + bytes.position()) < 0) {
        throw new EOFException("the file ends early");
      }
    }
    return bytes.flip();
  }

  private static long[] longs(JsonNode array) {
    return array.valueStream().mapToLong(JsonNode::asLong).toArray();
  }

  private static CliException bad(Path file, String problem) {
    return new CliException(ExitCode.BAD_INPUT, file + " " + problem);
  }
}
