package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/** {@link OFTConfig} in PEFT's keys. What a value means is for liboft to say. */
final class ConfigJson {
  private ConfigJson() {}

  /** Reads what {@code oft_config_to_json} and {@code oft_config_warnings} wrote. */
  static OFTConfig read(String json, String warnings) {
    var keys = (ObjectNode) Json.parse(json);
    keys.remove("peft_type");
    return new OFTConfig(
        text(keys.remove("task_type")),
        json(keys.remove("auto_mapping")),
        text(keys.remove("peft_version")),
        text(keys.remove("base_model_name_or_path")),
        text(keys.remove("revision")),
        keys.remove("inference_mode").booleanValue(),
        keys.remove("r").longValue(),
        keys.remove("oft_block_size").longValue(),
        keys.remove("module_dropout").doubleValue(),
        selector(keys.remove("target_modules")),
        keys.remove("fan_in_fan_out").booleanValue(),
        text(keys.remove("bias")),
        selector(keys.remove("exclude_modules")),
        keys.remove("init_weights").booleanValue(),
        longs(keys.remove("layers_to_transform")),
        selector(keys.remove("layers_pattern")),
        strings(keys.remove("modules_to_save")),
        keys.remove("coft").booleanValue(),
        keys.remove("eps").doubleValue(),
        keys.remove("block_share").booleanValue(),
        keys.remove("use_cayley_neumann").booleanValue(),
        keys.remove("num_cayley_neumann_terms").intValue(),
        map(keys.remove("rank_pattern"), JsonNode::longValue),
        map(keys.remove("alpha_pattern"), JsonNode::doubleValue),
        Json.text(keys),
        Json.strings(Json.parse(warnings)));
  }

  static String write(OFTConfig config) {
    ObjectNode keys = Json.object();
    keys.setAll((ObjectNode) Json.parse(config.unknownKeys()));
    keys.put("peft_type", "OFT");
    keys.put("task_type", config.taskType());
    keys.set(
        "auto_mapping", config.autoMapping() == null ? null : Json.parse(config.autoMapping()));
    keys.put("peft_version", config.peftVersion());
    keys.put("base_model_name_or_path", config.baseModelNameOrPath());
    keys.put("revision", config.revision());
    keys.put("inference_mode", config.inferenceMode());
    keys.put("r", config.r());
    keys.put("oft_block_size", config.oftBlockSize());
    keys.put("module_dropout", config.moduleDropout());
    put(keys, "target_modules", config.targetModules());
    keys.put("fan_in_fan_out", config.fanInFanOut());
    keys.put("bias", config.bias());
    put(keys, "exclude_modules", config.excludeModules());
    keys.put("init_weights", config.initWeights());
    put(keys, "layers_to_transform", config.layersToTransform(), ArrayNode::add);
    put(keys, "layers_pattern", config.layersPattern());
    put(keys, "modules_to_save", config.modulesToSave(), ArrayNode::add);
    keys.put("coft", config.coft());
    keys.put("eps", config.eps());
    keys.put("block_share", config.blockShare());
    keys.put("use_cayley_neumann", config.useCayleyNeumann());
    keys.put("num_cayley_neumann_terms", config.numCayleyNeumannTerms());
    if (!config.rankPattern().isEmpty()) {
      config.rankPattern().forEach(keys.putObject("rank_pattern")::put);
    }
    if (!config.alphaPattern().isEmpty()) {
      config.alphaPattern().forEach(keys.putObject("alpha_pattern")::put);
    }
    return Json.text(keys);
  }

  static void put(ObjectNode keys, String key, NameSelector selector) {
    switch (selector) {
      case null -> keys.putNull(key);
      case NameSelector.Names(var names) -> put(keys, key, names, ArrayNode::add);
      case NameSelector.Pattern(var regex) -> keys.put(key, regex);
    }
  }

  /** Adds one element to an array. */
  @FunctionalInterface
  interface Adder<T> {
    ArrayNode add(ArrayNode array, T element);
  }

  static <T> void put(ObjectNode keys, String key, List<T> list, Adder<T> adder) {
    if (list == null) {
      keys.putNull(key);
      return;
    }
    ArrayNode array = keys.putArray(key);
    for (T element : list) {
      adder.add(array, element);
    }
  }

  private static boolean isAbsent(JsonNode node) {
    return node == null || node.isNull();
  }

  private static String text(JsonNode node) {
    return isAbsent(node) ? null : node.textValue();
  }

  private static String json(JsonNode node) {
    return isAbsent(node) ? null : Json.text(node);
  }

  private static NameSelector selector(JsonNode node) {
    if (isAbsent(node)) {
      return null;
    }
    return node.isTextual()
        ? new NameSelector.Pattern(node.textValue())
        : new NameSelector.Names(Json.strings(node));
  }

  private static List<String> strings(JsonNode node) {
    return isAbsent(node) ? null : Json.strings(node);
  }

  private static List<Long> longs(JsonNode node) {
    if (isAbsent(node)) {
      return null;
    }
    return node.isArray() ? Json.list(node, JsonNode::longValue) : List.of(node.longValue());
  }

  private static <T> SequencedMap<String, T> map(JsonNode node, Function<JsonNode, T> value) {
    var map = new LinkedHashMap<String, T>();
    if (!isAbsent(node)) {
      node.properties().forEach(entry -> map.put(entry.getKey(), value.apply(entry.getValue())));
    }
    return map;
  }
}
