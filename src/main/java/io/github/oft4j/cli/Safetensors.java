package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A small safetensors file in plain Java, trusted to be well-formed: the quickstart judges the work
 * of {@code liboft} by what anybody can read in the files.
 */
final class Safetensors {
  private final ByteBuffer data;
  private final JsonNode header;

  private Safetensors(ByteBuffer data, JsonNode header) {
    this.data = data;
    this.header = header;
  }

  static Safetensors read(Path file) throws CliException {
    ByteBuffer bytes;
    try {
      bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw CliException.io("cannot read " + file, e);
    }
    int headerSize = Math.toIntExact(bytes.getLong(0));
    var text = new String(bytes.array(), Long.BYTES, headerSize, StandardCharsets.UTF_8);
    int start = Long.BYTES + headerSize;
    return new Safetensors(
        bytes.slice(start, bytes.limit() - start).order(ByteOrder.LITTLE_ENDIAN),
        Documents.parse(text));
  }

  /** The elements of an F32 tensor, row-major. */
  float[] floats(String name) {
    var buffer = bytes(name, "F32").asFloatBuffer();
    var values = new float[buffer.remaining()];
    buffer.get(values);
    return values;
  }

  /** The elements of an I64 tensor, row-major. */
  long[] longs(String name) {
    var buffer = bytes(name, "I64").asLongBuffer();
    var values = new long[buffer.remaining()];
    buffer.get(values);
    return values;
  }

  /** The elements of a U8 tensor, row-major. */
  byte[] unsignedBytes(String name) {
    var buffer = bytes(name, "U8");
    var values = new byte[buffer.remaining()];
    buffer.get(values);
    return values;
  }

  private ByteBuffer bytes(String name, String dtype) {
    JsonNode tensor = header.path(name);
    if (!tensor.path("dtype").asText().equals(dtype)) {
      throw new IllegalStateException("tensor " + name + " is not " + dtype + ": " + tensor);
    }
    int begin = tensor.path("data_offsets").path(0).asInt();
    int end = tensor.path("data_offsets").path(1).asInt();
    return data.slice(begin, end - begin).order(ByteOrder.LITTLE_ENDIAN);
  }
}
