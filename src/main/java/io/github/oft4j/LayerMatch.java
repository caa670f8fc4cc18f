package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.OptionalLong;

/**
 * A layer that a configuration targets.
 *
 * @param name its path in the model
 * @param rank the value of {@code rank_pattern} that applies to it; empty where none does
 */
public record LayerMatch(String name, OptionalLong rank) {
  static LayerMatch of(JsonNode json) {
    JsonNode rank = json.path("rank");
    return new LayerMatch(
        json.get("name").textValue(),
        rank.isNumber() ? OptionalLong.of(rank.longValue()) : OptionalLong.empty());
  }
}
