package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Json;

/**
 * How an {@link OFTModel} is made.
 *
 * {@snippet :
 * var options = OFTModelOptions.defaults().keepBaseWeights(false);
 * }
 *
 * @param lowCpuMemUsage parameters of the adapter exist only once {@link OFTModel#loadAdapter}
 *     brings them
 * @param keepBaseWeights base weights are kept beside merged ones, so that unmerging is exact to
 *     the bit; otherwise merged weights replace them, and unmerging multiplies by the inverse in
 *     float32 or better
 * @param cacheMergedWeights at inference each set of adapters that runs gets merged weights of its
 *     own, computed once and kept until its parameters change, so that a forward costs what the
 *     base's costs and changing adapters costs nothing; takes a copy of all target weights for each
 *     of the last 64 sets
 * @param modelType the architecture as transformers names it, which decides default targets; null
 *     where unknown
 * @param outputEmbedding the layer that {@code all-linear} leaves out; null where there is none
 * @param isPretrainedModel whether {@code all-linear} may trust the two above
 */
public record OFTModelOptions(
    boolean lowCpuMemUsage,
    boolean keepBaseWeights,
    boolean cacheMergedWeights,
    String modelType,
    String outputEmbedding,
    boolean isPretrainedModel) {
  private static final OFTModelOptions DEFAULTS =
      new OFTModelOptions(false, true, false, null, null, false);

  /**
   * Parameters at once, base weights kept, nothing known of the architecture.
   *
   * @return the options of {@link OFTModel#create(ScriptModule, OFTConfig, String)}
   */
  public static OFTModelOptions defaults() {
    return DEFAULTS;
  }

  /**
   * These options but for one.
   *
   * @param on whether parameters of the adapter wait for {@link OFTModel#loadAdapter}
   * @return new options
   */
  public OFTModelOptions lowCpuMemUsage(boolean on) {
    return new OFTModelOptions(
        on, keepBaseWeights, cacheMergedWeights, modelType, outputEmbedding, isPretrainedModel);
  }

  /**
   * These options but for one.
   *
   * @param on whether base weights are kept beside merged ones
   * @return new options
   */
  public OFTModelOptions keepBaseWeights(boolean on) {
    return new OFTModelOptions(
        lowCpuMemUsage, on, cacheMergedWeights, modelType, outputEmbedding, isPretrainedModel);
  }

  /**
   * These options but for one.
   *
   * @param on whether each set of adapters keeps merged weights of its own at inference
   * @return new options
   */
  public OFTModelOptions cacheMergedWeights(boolean on) {
    return new OFTModelOptions(
        lowCpuMemUsage, keepBaseWeights, on, modelType, outputEmbedding, isPretrainedModel);
  }

  /**
   * These options but for one.
   *
   * @param name the architecture, for example {@code "bert"}; or null
   * @return new options
   */
  public OFTModelOptions modelType(String name) {
    return new OFTModelOptions(
        lowCpuMemUsage,
        keepBaseWeights,
        cacheMergedWeights,
        name,
        outputEmbedding,
        isPretrainedModel);
  }

  /**
   * These options but for one.
   *
   * @param name the layer's path in the model; or null
   * @return new options
   */
  public OFTModelOptions outputEmbedding(String name) {
    return new OFTModelOptions(
        lowCpuMemUsage, keepBaseWeights, cacheMergedWeights, modelType, name, isPretrainedModel);
  }

  /**
   * These options but for one.
   *
   * @param on whether the base is a model of transformers
   * @return new options
   */
  public OFTModelOptions isPretrainedModel(boolean on) {
    return new OFTModelOptions(
        lowCpuMemUsage, keepBaseWeights, cacheMergedWeights, modelType, outputEmbedding, on);
  }

  String json() {
    ObjectNode json = Json.object();
    json.put("low_cpu_mem_usage", lowCpuMemUsage);
    json.put("keep_base_weights", keepBaseWeights);
    json.put("cache_merged_weights", cacheMergedWeights);
    json.put("model_type", modelType);
    json.put("output_embedding", outputEmbedding);
    json.put("is_pretrained_model", isPretrainedModel);
    return Json.text(json);
  }
}
