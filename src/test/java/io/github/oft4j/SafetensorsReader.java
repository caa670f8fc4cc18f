package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Enough of the format to compare files of tensors. */
final class SafetensorsReader {
  private SafetensorsReader() {}

  /** The tensors of a file by name, as float. */
  static Map<String, float[]> read(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int headerSize = Math.toIntExact(bytes.getLong(0));
    JsonNode header =
        Json.parse(new String(bytes.array(), Long.BYTES, headerSize, StandardCharsets.UTF_8));
    var tensors = new TreeMap<String, float[]>();
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (!entry.getKey().equals("__metadata__")) {
        JsonNode offsets = entry.getValue().get("data_offsets");
        int begin = offsets.get(0).intValue();
        ByteBuffer data =
            bytes
                .slice(Long.BYTES + headerSize + begin, offsets.get(1).intValue() - begin)
                .order(ByteOrder.LITTLE_ENDIAN);
        tensors.put(entry.getKey(), floats(data, entry.getValue().get("dtype").textValue()));
      }
    }
    return tensors;
  }

  private static float[] floats(ByteBuffer data, String dtype) {
    int size =
        switch (dtype) {
          case "F64", "I64" -> 8;
          case "F32" -> 4;
          default -> 2;
        };
    float[] floats = new float[data.remaining() / size];
    for (int i = 0; i < floats.length; i++) {
      floats[i] =
          switch (dtype) {
            case "F64" -> (float) data.getDouble();
            case "I64" -> data.getLong();
            case "F32" -> data.getFloat();
            case "F16" -> Float.float16ToFloat(data.getShort());
            case "BF16" -> Float.intBitsToFloat(data.getShort() << 16);
            default -> throw new AssertionError(dtype);
          };
    }
    return floats;
  }
}
