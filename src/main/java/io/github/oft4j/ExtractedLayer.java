package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * What an {@link AdapterExtract} found of one layer.
 *
 * @param name the layer's path in the model
 * @param kind how the weight is laid out
 * @param shape of the weight
 * @param blockSize edge of a block
 * @param blocks how many there are
 * @param change {@code ||W' - W||_F}
 * @param relativeChange of {@code ||W||_F}
 * @param residual {@code ||W' - W Rᵀ||_F}
 * @param explained the part of {@code ||W' - W||²} that the rotation accounts for, at most 1
 * @param largestAngle by which a block turns a plane, radians
 * @param heldBlocks blocks whose nearest rotation makes half a turn, for which the formula has no
 *     parameters: held just below
 */
public record ExtractedLayer(
    String name,
    LayerKind kind,
    List<Long> shape,
    long blockSize,
    long blocks,
    double change,
    double relativeChange,
    double residual,
    double explained,
    double largestAngle,
    long heldBlocks) {

  static ExtractedLayer of(JsonNode json) {
    return new ExtractedLayer(
        json.get("name").textValue(),
        LayerKind.ofJsonName(json.get("kind").textValue()),
        Json.list(json.get("shape"), JsonNode::longValue),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        Json.number(json.get("change")),
        Json.number(json.get("relative_change")),
        Json.number(json.get("residual")),
        Json.number(json.get("explained")),
        Json.number(json.get("largest_angle")),
        json.get("held_blocks").longValue());
  }
}
