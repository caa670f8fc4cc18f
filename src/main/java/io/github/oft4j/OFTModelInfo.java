package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;
import java.util.Optional;

/**
 * What an {@link OFTModel} holds at one moment.
 *
 * @param adapters all of them
 * @param active names of those that a forward applies, in this order
 * @param merged names of those that are in the weights, in this order
 * @param enabled false while the model computes what its base computes
 * @param training the mode
 * @param layers those that adapters rotate, once for each adapter and each factor of it
 * @param trainableNames of {@link OFTModel#namedTrainableParameters}
 * @param trainableParameters how many numbers an optimizer steps
 * @param allParameters how many numbers base and adapters have
 * @param json all of this as the JSON document of {@code liboft}
 */
public record OFTModelInfo(
    List<Adapter> adapters,
    List<String> active,
    List<String> merged,
    boolean enabled,
    boolean training,
    List<Layer> layers,
    List<String> trainableNames,
    long trainableParameters,
    long allParameters,
    String json) {
  /**
   * An adapter.
   *
   * @param name its name in the model
   * @param parameters how many numbers it has
   * @param trainable whether they train while it is active
   * @param strength how much of it is applied; see {@link OFTModel#setAdapterStrength}
   * @param config its configuration in PEFT's JSON
   */
  public record Adapter(
      String name, long parameters, boolean trainable, double strength, String config) {
    static Adapter of(JsonNode json) {
      return new Adapter(
          json.get("name").textValue(),
          json.get("parameters").longValue(),
          json.get("trainable").booleanValue(),
          json.get("strength").doubleValue(),
          Json.text(json.get("config")));
    }
  }

  /**
   * A layer that an adapter rotates.
   *
   * @param name its path in the model
   * @param kind what holds its weight
   * @param placement {@code "graph"} where the input is rotated, {@code "weight"} where the weight
   *     is
   * @param features the rotated dimension
   * @param blockSize edge of a block
   * @param blocks how many blocks cover the features
   * @param side {@code "input"}, or {@code "output"} where outputs are rotated
   * @param adapter whose rotation it is
   * @param parameter of {@link OFTModel#layerParameters}; empty where it has not been loaded yet,
   *     or is of another maker than PEFT
   */
  public record Layer(
      String name,
      LayerKind kind,
      String placement,
      long features,
      long blockSize,
      long blocks,
      String side,
      String adapter,
      Optional<String> parameter) {
    static Layer of(JsonNode json) {
      return new Layer(
          json.get("name").textValue(),
          LayerKind.ofJsonName(json.get("kind").textValue()),
          json.get("placement").textValue(),
          json.get("features").longValue(),
          json.get("block_size").longValue(),
          json.get("blocks").longValue(),
          json.get("side").textValue(),
          json.get("adapter").textValue(),
          Optional.ofNullable(json.get("parameter").textValue()));
    }
  }

  static OFTModelInfo of(String text) {
    JsonNode json = Json.parse(text);
    return new OFTModelInfo(
        Json.list(json.get("adapters"), Adapter::of),
        Json.strings(json.get("active")),
        Json.strings(json.get("merged")),
        json.get("enabled").booleanValue(),
        json.get("training").booleanValue(),
        Json.list(json.get("layers"), Layer::of),
        Json.strings(json.get("trainable_names")),
        json.get("trainable_parameters").longValue(),
        json.get("all_parameters").longValue(),
        text);
  }
}
