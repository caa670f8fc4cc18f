package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * What an {@link AdapterBlend} made.
 *
 * @param rule by which the rotations became one
 * @param side which dimension the result turns
 * @param layers by name
 * @param largestAngle of all layers, radians
 * @param orthogonalityError the worst of all layers
 * @param replaced parameters that the result replaces as a whole
 * @param warnings what was odd, and gone on with
 * @param json all of this as the JSON document of {@code liboft}
 */
public record BlendReport(
    BlendRule rule,
    Side side,
    List<BlendedLayer> layers,
    double largestAngle,
    double orthogonalityError,
    List<String> replaced,
    List<String> warnings,
    String json) {

  static BlendReport of(String text) {
    JsonNode json = Json.parse(text);
    return new BlendReport(
        BlendRule.ofJsonName(json.get("rule").textValue()),
        Side.ofJsonName(json.get("side").textValue()),
        Json.list(json.get("layers"), BlendedLayer::of),
        Json.number(json.get("largest_angle")),
        Json.number(json.get("orthogonality_error")),
        Json.strings(json.get("replaced")),
        Json.strings(json.get("warnings")),
        text);
  }
}
