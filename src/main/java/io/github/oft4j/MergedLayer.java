package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What a {@link CheckpointMerge} did to the weight of one layer.
 *
 * @param name the layer's path in its model
 * @param component of a pipeline that the model is, for example {@code "unet"}; empty where the
 *     base is a model of its own
 * @param kind how the weight is laid out
 * @param shape of the weight
 * @param dtype of the weight as written
 * @param blockSize edge of a rotation block
 * @param blocks how many blocks cover the rotated dimension
 * @param orthogonalityError the worst {@code ||RᵀR - I||_F} of its blocks and adapters
 * @param largestAngle by which a block turns a plane, radians
 * @param verifyError {@code max |merged - float64| / max |float64|}; empty where the layer was not
 *     in the sample
 */
public record MergedLayer(
    String name,
    String component,
    LayerKind kind,
    List<Long> shape,
    String dtype,
    long blockSize,
    long blocks,
    double orthogonalityError,
    double largestAngle,
    OptionalDouble verifyError) {

  static MergedLayer of(JsonNode json) {
    return new MergedLayer(
        json.get("name").textValue(),
        json.get("component").textValue(),
        LayerKind.ofJsonName(json.get("kind").textValue()),
        Json.list(json.get("shape"), JsonNode::longValue),
        json.get("dtype").textValue(),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        Json.number(json.get("orthogonality_error")),
        Json.number(json.get("largest_angle")),
        Json.optionalNumber(json.path("verify_error")));
  }
}
