package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * How an adapter fits a base model, and what it does to it.
 *
 * @param maker what wrote the adapter, for example {@code "PEFT 0.21.0"}
 * @param layers the layers that have a base weight, measured
 * @param missing adapter layers without a base weight
 * @param unused adapter tensors that nothing announces
 * @param replaced base parameters that the adapter replaces
 * @param problems why the check fails; empty where all is well
 * @param warnings what is odd
 * @param json all of this as the JSON document of {@code liboft}
 */
public record CheckReport(
    String maker,
    List<CheckedLayer> layers,
    List<String> missing,
    List<String> unused,
    List<String> replaced,
    List<String> problems,
    List<String> warnings,
    String json) {

  static CheckReport of(String text) {
    JsonNode json = Json.parse(text);
    return new CheckReport(
        json.get("maker").textValue(),
        Json.list(json.get("layers"), CheckedLayer::of),
        Json.strings(json.get("missing")),
        Json.strings(json.get("unused")),
        Json.strings(json.get("replaced")),
        Json.strings(json.get("problems")),
        Json.strings(json.get("warnings")),
        text);
  }
}
