package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * A parameter or buffer of a module.
 *
 * @param name its path in the module
 * @param dtype element type, as libtorch names it
 * @param shape its sizes
 * @param device where its elements are
 */
public record ParameterInfo(String name, String dtype, List<Long> shape, Device device) {
  /**
   * The number of elements.
   *
   * @return the product of the sizes
   */
  public long numel() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  static ParameterInfo of(JsonNode json) {
    return new ParameterInfo(
        json.get("name").textValue(),
        json.get("dtype").textValue(),
        Json.list(json.get("shape"), JsonNode::longValue),
        Device.parse(json.get("device").textValue()));
  }
}
