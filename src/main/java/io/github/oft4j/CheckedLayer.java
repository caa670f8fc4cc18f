package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * What {@link AdapterCheck} measured of one layer.
 *
 * <p>The hyperspherical energy of a weight is that of its neurons as charges on a sphere; an
 * exactly orthogonal rotation keeps it.
 *
 * @param name the layer's path in the model
 * @param kind how the weight is laid out
 * @param shape of the base weight
 * @param blockSize edge of a rotation block
 * @param blocks how many blocks cover the rotated dimension
 * @param orthogonalityError the worst {@code ||RᵀR - I||_F} of its blocks
 * @param blockAngles the largest angle of each block, radians
 * @param meanAngle over all planes, radians
 * @param energyBefore hyperspherical energy of the base weight
 * @param energyAfter and of the merged weight
 */
public record CheckedLayer(
    String name,
    LayerKind kind,
    List<Long> shape,
    long blockSize,
    long blocks,
    double orthogonalityError,
    List<Double> blockAngles,
    double meanAngle,
    double energyBefore,
    double energyAfter) {

  static CheckedLayer of(JsonNode json) {
    return new CheckedLayer(
        json.get("name").textValue(),
        LayerKind.ofJsonName(json.get("kind").textValue()),
        Json.list(json.get("shape"), JsonNode::longValue),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        Json.number(json.get("orthogonality_error")),
        Json.list(json.get("block_angles"), Json::number),
        Json.number(json.get("mean_angle")),
        Json.number(json.get("energy_before")),
        Json.number(json.get("energy_after")));
  }
}
