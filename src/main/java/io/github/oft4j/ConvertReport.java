package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What an {@link AdapterConvert} wrote.
 *
 * @param from who wrote the adapter
 * @param to what was written
 * @param formula of the result; empty where it holds no rotations
 * @param exact whether the result means the same, but for rounding
 * @param layers in the order of the adapter
 * @param error the worst of all layers
 * @param energyKept of LoRA the part of {@code ||ΔW||²} over all layers
 * @param leftOut what the format has no place for
 * @param files the files written
 * @param warnings what was odd, and gone on with
 * @param seconds duration
 * @param json all of this as the JSON document of {@code liboft}
 */
public record ConvertReport(
    String from,
    ConvertTarget to,
    Optional<Formula> formula,
    boolean exact,
    List<ConvertedLayer> layers,
    double error,
    OptionalDouble energyKept,
    List<String> leftOut,
    List<String> files,
    List<String> warnings,
    double seconds,
    String json) {

  static ConvertReport of(String text) {
    JsonNode json = Json.parse(text);
    return new ConvertReport(
        json.get("from").textValue(),
        ConvertTarget.ofJsonName(json.get("to").textValue()),
        Optional.ofNullable(json.get("formula").textValue()).map(Formula::ofJsonName),
        json.get("exact").booleanValue(),
        Json.list(json.get("layers"), ConvertedLayer::of),
        Json.number(json.get("error")),
        Json.optionalNumber(json.get("energy_kept")),
        Json.strings(json.get("left_out")),
        Json.strings(json.get("files")),
        Json.strings(json.get("warnings")),
        json.get("seconds").doubleValue(),
        text);
  }
}
