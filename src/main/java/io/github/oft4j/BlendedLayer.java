package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;

/**
 * What an {@link AdapterBlend} made of one layer.
 *
 * @param name the layer's path in the model
 * @param component the part of a pipeline that it is in; empty where the adapters say nothing
 * @param side which dimension of the weight is turned
 * @param adapters how many of the adapters turn it
 * @param blockSize edge of a block
 * @param blocks how many there are; 1 where all share one
 * @param largestAngle by which a block turns a plane, radians
 * @param orthogonalityError the worst {@code ||RᵀR - I||_F} of its blocks, of {@code R} in float32
 */
public record BlendedLayer(
    String name,
    String component,
    Side side,
    long adapters,
    long blockSize,
    long blocks,
    double largestAngle,
    double orthogonalityError) {

  static BlendedLayer of(JsonNode json) {
    return new BlendedLayer(
        json.get("name").textValue(),
        json.get("component").textValue(),
        Side.ofJsonName(json.get("side").textValue()),
        json.get("adapters").longValue(),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        Json.number(json.get("largest_angle")),
        Json.number(json.get("orthogonality_error")));
  }
}
