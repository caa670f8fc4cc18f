package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What an {@link AdapterConvert} made of one layer.
 *
 * @param name the layer's path in the model, or its name in the file
 * @param component the part of a pipeline that it is in; empty where the adapter says nothing
 * @param side which dimension of the weight is turned
 * @param blockSize edge of a block of the first factor
 * @param blocks how many blocks all factors have
 * @param error of rotations the worst {@code ||R_new - R_old||_F} of a block; of LoRA and
 *     differences {@code ||ΔW_new - ΔW||_F / ||ΔW||_F}
 * @param energyKept of LoRA the part of {@code ||ΔW||²}
 * @param rank of LoRA
 */
public record ConvertedLayer(
    String name,
    String component,
    Side side,
    long blockSize,
    long blocks,
    double error,
    OptionalDouble energyKept,
    OptionalLong rank) {

  static ConvertedLayer of(JsonNode json) {
    JsonNode rank = json.get("rank");
    return new ConvertedLayer(
        json.get("name").textValue(),
        json.get("component").textValue(),
        Side.ofJsonName(json.get("side").textValue()),
        json.get("block_size").longValue(),
        json.get("blocks").longValue(),
        Json.number(json.get("error")),
        Json.optionalNumber(json.get("energy_kept")),
        rank.isNull() ? OptionalLong.empty() : OptionalLong.of(rank.longValue()));
  }
}
