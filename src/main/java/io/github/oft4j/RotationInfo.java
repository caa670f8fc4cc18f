package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.OptionalDouble;

/** What {@code oft_rotation_to_json} tells. */
record RotationInfo(long features, long blockSize, long blocks, RotationSpec spec) {
  static RotationInfo of(String text) {
    JsonNode json = Json.parse(text);
    JsonNode coftEps = json.get("coft_eps");
    return new RotationInfo(
        json.get("features").longValue(),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        new RotationSpec(
            Formula.ofJsonName(json.get("formula").textValue()),
            json.get("terms").intValue(),
            json.get("block_share").booleanValue(),
            coftEps.isNull() ? OptionalDouble.empty() : OptionalDouble.of(coftEps.doubleValue())));
  }
}
