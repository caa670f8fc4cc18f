package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * What {@link AdapterCheck} measured of one layer.
 *
 * <p>The hyperspherical energy of a weight is that of the vectors which are turned as charges on a
 * sphere: of its neurons on the input side, of what each input feeds on the output side. An exactly
 * orthogonal rotation keeps it.
 *
 * @param name the layer's path in the model
 * @param component of the pipeline; empty where the base is a model of its own
 * @param kind how the weight is laid out
 * @param shape of the base weight
 * @param side which dimension of the weight is turned
 * @param factors how many rotations make up the layer's: more than 1 for layers fused from several,
 *     and for butterflies
 * @param blockSize edge of a block of the first factor
 * @param blocks how many blocks the factors have
 * @param orthogonalityError the worst {@code ||RᵀR - I||_F} of its blocks
 * @param blockAngles the largest angle of each block, radians
 * @param meanAngle over all planes, radians
 * @param energyBefore hyperspherical energy of the base weight
 * @param energyAfter and of the merged weight
 */
public record CheckedLayer(
    String name,
    String component,
    LayerKind kind,
    List<Long> shape,
    Side side,
    long factors,
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
        json.get("component").textValue(),
        LayerKind.ofJsonName(json.get("kind").textValue()),
        Json.list(json.get("shape"), JsonNode::longValue),
        Side.ofJsonName(json.get("side").textValue()),
        json.get("factors").longValue(),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        Json.number(json.get("orthogonality_error")),
        Json.list(json.get("block_angles"), Json::number),
        Json.number(json.get("mean_angle")),
        Json.number(json.get("energy_before")),
        Json.number(json.get("energy_after")));
  }
}
