package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Json;
import java.util.Arrays;
import java.util.List;

/**
 * Makes an {@link OFTConfig}. What is not set takes the default of {@code liboft}, which also
 * validates. For one thread.
 */
public final class OFTConfigBuilder {
  private final ObjectNode keys = Json.object();

  OFTConfigBuilder() {}

  /**
   * Validates what was set.
   *
   * @return a configuration with every field filled
   * @throws OFTArgumentException where a value is out of range or contradicts another; names field,
   *     value and remedy
   */
  public OFTConfig build() {
    return OFTConfig.parse(Json.text(keys));
  }

  /**
   * Rotates layers with these names.
   *
   * @param names whole paths, or their last parts
   * @return this
   */
  public OFTConfigBuilder targetModules(String... names) {
    ConfigJson.put(keys, "target_modules", new NameSelector.Names(List.of(names)));
    return this;
  }

  /**
   * Rotates layers whose whole path matches.
   *
   * @param regex in Python's syntax
   * @return this
   */
  public OFTConfigBuilder targetModulesRegex(String regex) {
    ConfigJson.put(keys, "target_modules", new NameSelector.Pattern(regex));
    return this;
  }

  /**
   * Rotates all linear layers, but for the head of a pretrained model.
   *
   * @return this
   */
  public OFTConfigBuilder allLinear() {
    keys.put("target_modules", "all-linear");
    return this;
  }

  /**
   * Leaves layers with these names alone.
   *
   * @param names whole paths, or their last parts
   * @return this
   */
  public OFTConfigBuilder excludeModules(String... names) {
    ConfigJson.put(keys, "exclude_modules", new NameSelector.Names(List.of(names)));
    return this;
  }

  /**
   * Leaves layers whose whole path matches alone.
   *
   * @param regex in Python's syntax
   * @return this
   */
  public OFTConfigBuilder excludeModulesRegex(String regex) {
    ConfigJson.put(keys, "exclude_modules", new NameSelector.Pattern(regex));
    return this;
  }

  /**
   * Sets the number of blocks of each layer; clears a block size.
   *
   * @param blocks positive; the block size follows from the layer
   * @return this
   */
  public OFTConfigBuilder r(long blocks) {
    keys.put("r", blocks);
    return this;
  }

  /**
   * Sets the size of blocks; clears a number of blocks.
   *
   * @param edge positive; the number of blocks follows from the layer
   * @return this
   */
  public OFTConfigBuilder oftBlockSize(long edge) {
    keys.put("oft_block_size", edge);
    return this;
  }

  /**
   * Sets how often a block is left out in training.
   *
   * @param probability in [0, 1]; 0 by default
   * @return this
   */
  public OFTConfigBuilder moduleDropout(double probability) {
    keys.put("module_dropout", probability);
    return this;
  }

  /**
   * Sets how weights are stored.
   *
   * @param fanInFanOut true for {@code [in, out]}; false by default
   * @return this
   */
  public OFTConfigBuilder fanInFanOut(boolean fanInFanOut) {
    keys.put("fan_in_fan_out", fanInFanOut);
    return this;
  }

  /**
   * Sets which biases are trained.
   *
   * @param bias {@code "none"} (the default), {@code "all"} or {@code "oft_only"}
   * @return this
   */
  public OFTConfigBuilder bias(String bias) {
    keys.put("bias", bias);
    return this;
  }

  /**
   * Sets where training starts.
   *
   * @param identity true (the default) for the identity, false for {@code q ~ N(0, 0.1)}
   * @return this
   */
  public OFTConfigBuilder initWeights(boolean identity) {
    keys.put("init_weights", identity);
    return this;
  }

  /**
   * Restricts the targets to layers of these indices.
   *
   * @param indices from 0
   * @return this
   */
  public OFTConfigBuilder layersToTransform(long... indices) {
    ConfigJson.put(
        keys, "layers_to_transform", Arrays.stream(indices).boxed().toList(), ArrayNode::add);
    return this;
  }

  /**
   * Sets what precedes the index in a layer's path.
   *
   * @param patterns for example {@code "layers"}
   * @return this
   */
  public OFTConfigBuilder layersPattern(String... patterns) {
    ConfigJson.put(keys, "layers_pattern", new NameSelector.Names(List.of(patterns)));
    return this;
  }

  /**
   * Trains and saves modules as a whole.
   *
   * @param names whole paths, or their last parts
   * @return this
   */
  public OFTConfigBuilder modulesToSave(String... names) {
    ConfigJson.put(keys, "modules_to_save", List.of(names), ArrayNode::add);
    return this;
  }

  /**
   * Constrains rotations to {@code eps}.
   *
   * @param constrained false by default
   * @return this
   */
  public OFTConfigBuilder coft(boolean constrained) {
    keys.put("coft", constrained);
    return this;
  }

  /**
   * Sets the bound of constrained rotations.
   *
   * @param eps positive; 6e-5 by default
   * @return this
   */
  public OFTConfigBuilder eps(double eps) {
    keys.put("eps", eps);
    return this;
  }

  /**
   * Sets whether all blocks of a layer share their parameters.
   *
   * @param shared false by default
   * @return this
   */
  public OFTConfigBuilder blockShare(boolean shared) {
    keys.put("block_share", shared);
    return this;
  }

  /**
   * Sets the formula.
   *
   * @param approximate false (the default) for {@link Formula#CAYLEY}, true for {@link
   *     Formula#CAYLEY_NEUMANN}
   * @return this
   */
  public OFTConfigBuilder useCayleyNeumann(boolean approximate) {
    keys.put("use_cayley_neumann", approximate);
    return this;
  }

  /**
   * Sets the length of the Neumann series.
   *
   * @param terms 5 by default
   * @return this
   */
  public OFTConfigBuilder numCayleyNeumannTerms(int terms) {
    keys.put("num_cayley_neumann_terms", terms);
    return this;
  }

  /**
   * Sets {@code r}, or the block size where that is given, of some layers. The first match counts.
   *
   * @param layer name or regular expression
   * @param value positive
   * @return this
   */
  public OFTConfigBuilder rankPattern(String layer, long value) {
    keys.withObjectProperty("rank_pattern").put(layer, value);
    return this;
  }

  /**
   * Keeps a scale for some layers, which is without effect on a rotation.
   *
   * @param layer name or regular expression
   * @param value any
   * @return this
   */
  public OFTConfigBuilder alphaPattern(String layer, double value) {
    keys.withObjectProperty("alpha_pattern").put(layer, value);
    return this;
  }

  /**
   * Sets PEFT's task.
   *
   * @param task for example {@code "CAUSAL_LM"}
   * @return this
   */
  public OFTConfigBuilder taskType(String task) {
    keys.put("task_type", task);
    return this;
  }

  /**
   * Sets what tells PEFT the class of the base model.
   *
   * @param json an object, kept as it is
   * @return this
   */
  public OFTConfigBuilder autoMapping(String json) {
    keys.set("auto_mapping", Json.parse(json));
    return this;
  }

  /**
   * Sets the base model.
   *
   * @param name on the hub, or a folder
   * @return this
   */
  public OFTConfigBuilder baseModelNameOrPath(String name) {
    keys.put("base_model_name_or_path", name);
    return this;
  }

  /**
   * Sets the revision of the base model.
   *
   * @param revision a branch, tag or commit
   * @return this
   */
  public OFTConfigBuilder revision(String revision) {
    keys.put("revision", revision);
    return this;
  }

  /**
   * Sets whether the adapter is frozen when it is loaded.
   *
   * @param frozen false by default
   * @return this
   */
  public OFTConfigBuilder inferenceMode(boolean frozen) {
    keys.put("inference_mode", frozen);
    return this;
  }
}
