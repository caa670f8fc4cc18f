package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * What an {@link AdapterExtract} found.
 *
 * @param layers the layers whose change was fitted
 * @param explained the part of the change of all layers that the rotations account for, at most 1
 * @param largestAngle of all layers, radians
 * @param unchanged target layers whose weights are equal in both models
 * @param changed other tensors that differ: no rotation covers them
 * @param missing tensors that only the base has
 * @param added tensors that only the tuned model has
 * @param warnings what was odd, and gone on with
 * @param seconds duration
 * @param json all of this as the JSON document of {@code liboft}
 */
public record ExtractReport(
    List<ExtractedLayer> layers,
    double explained,
    double largestAngle,
    List<String> unchanged,
    List<String> changed,
    List<String> missing,
    List<String> added,
    List<String> warnings,
    double seconds,
    String json) {

  static ExtractReport of(String text) {
    JsonNode json = Json.parse(text);
    return new ExtractReport(
        Json.list(json.get("layers"), ExtractedLayer::of),
        Json.number(json.get("explained")),
        Json.number(json.get("largest_angle")),
        Json.strings(json.get("unchanged")),
        Json.strings(json.get("changed")),
        Json.strings(json.get("missing")),
        Json.strings(json.get("added")),
        Json.strings(json.get("warnings")),
        json.get("seconds").doubleValue(),
        text);
  }
}
