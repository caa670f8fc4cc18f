package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeConfig;
import io.github.oft4j.internal.ffm.OftC;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * PEFT's {@code OFTConfig}: how an OFT adapter is shaped and where it goes. The components are the
 * keys of {@code adapter_config.json}; those that may be null there are null here where absent.
 *
 * {@snippet :
 * var config = OFTConfig.builder().targetModules("query", "value").oftBlockSize(32).build();
 * }
 *
 * <p>{@code liboft} gives the defaults and validates, in {@link OFTConfigBuilder#build} and in
 * {@link #parse}, and again where a configuration is used.
 *
 * @param taskType PEFT's task, for example {@code "CAUSAL_LM"}
 * @param autoMapping JSON text, kept as it is
 * @param peftVersion the version of PEFT that the adapter follows
 * @param baseModelNameOrPath the base model
 * @param revision of the base model
 * @param inferenceMode whether the adapter is frozen when it is loaded
 * @param r number of blocks of each layer; 0 where {@code oftBlockSize} is given
 * @param oftBlockSize edge of a block; 0 where {@code r} is given
 * @param moduleDropout probability in [0, 1] that a block is left out in training
 * @param targetModules the layers to rotate; null means the defaults of the architecture
 * @param fanInFanOut whether weights are stored {@code [in, out]}, as transformers' {@code Conv1D}
 *     does
 * @param bias {@code "none"}, {@code "all"} or {@code "oft_only"}
 * @param excludeModules layers to leave alone
 * @param initWeights true starts at the identity, false at {@code q ~ N(0, 0.1)}
 * @param layersToTransform indices of the layers to rotate
 * @param layersPattern what precedes the index in a layer's path
 * @param modulesToSave modules trained and saved as a whole
 * @param coft whether rotations are constrained to {@code eps}
 * @param eps bound of {@code ||Q||_F} of a block, times {@code sqrt(rows of q)}
 * @param blockShare whether all blocks of a layer share their parameters
 * @param useCayleyNeumann whether {@link Formula#CAYLEY_NEUMANN} replaces {@link Formula#CAYLEY}
 * @param numCayleyNeumannTerms terms of the Neumann series
 * @param rankPattern {@code r} (or block size, where that is given) by layer name or regular
 *     expression, the first match counts; PEFT's OFT ignores it
 * @param alphaPattern accepted and kept; a rotation has no scale, so it is without effect
 * @param unknownKeys JSON object of the keys that oft does not know
 * @param warnings what parsing found odd; never written
 */
public record OFTConfig(
    String taskType,
    String autoMapping,
    String peftVersion,
    String baseModelNameOrPath,
    String revision,
    boolean inferenceMode,
    long r,
    long oftBlockSize,
    double moduleDropout,
    NameSelector targetModules,
    boolean fanInFanOut,
    String bias,
    NameSelector excludeModules,
    boolean initWeights,
    List<Long> layersToTransform,
    NameSelector layersPattern,
    List<String> modulesToSave,
    boolean coft,
    double eps,
    boolean blockShare,
    boolean useCayleyNeumann,
    int numCayleyNeumannTerms,
    SequencedMap<String, Long> rankPattern,
    SequencedMap<String, Double> alphaPattern,
    String unknownKeys,
    List<String> warnings) {

  /** Copies the collections; {@link #builder} is the way to make a configuration. */
  public OFTConfig {
    layersToTransform = layersToTransform == null ? null : List.copyOf(layersToTransform);
    modulesToSave = modulesToSave == null ? null : List.copyOf(modulesToSave);
    rankPattern = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(alphaPattern));
    warnings = List.copyOf(warnings);
  }

  /**
   * Starts a configuration of which nothing is set yet.
   *
   * @return a new builder
   */
  public static OFTConfigBuilder builder() {
    return new OFTConfigBuilder();
  }

  /**
   * Reads and validates a configuration written for oft: absent keys take oft's defaults (exact
   * Cayley, {@code r = 8}); {@code r} and {@code oft_block_size} clear each other.
   *
   * @param json PEFT's JSON
   * @return a configuration
   * @throws OFTParseException where the text is malformed
   * @throws OFTArgumentException where a value is out of range; names field, value and remedy
   */
  public static OFTConfig parse(String json) {
    try (var call = Call.open()) {
      var config = NativeConfig.parse(call, json);
      return ConfigJson.read(NativeConfig.json(call, config), NativeConfig.warnings(call, config));
    }
  }

  /**
   * Reads and validates the text of an {@code adapter_config.json}: absent keys take PEFT's
   * defaults of the file's version.
   *
   * @param json PEFT's JSON
   * @return a configuration
   * @throws OFTParseException where the text is malformed
   * @throws OFTArgumentException where a value is out of range; names field, value and remedy
   * @throws OFTUnsupportedException for adapters of PEFT 0.13 or older, and of other methods
   */
  public static OFTConfig parseFile(String json) {
    try (var call = Call.open()) {
      var config = NativeConfig.parseFile(call, json);
      return ConfigJson.read(NativeConfig.json(call, config), NativeConfig.warnings(call, config));
    }
  }

  /**
   * The text of {@code adapter_config.json}.
   *
   * @return a JSON object as PEFT writes it, every key explicit
   * @throws OFTArgumentException where a value is out of range; names field, value and remedy
   */
  public String toJson() {
    try (var call = Call.open()) {
      return NativeConfig.json(call, NativeConfig.parseFile(call, text()));
    }
  }

  /**
   * Selects the layers of a model that this configuration targets, by PEFT's rules.
   *
   * @param model the model's modules
   * @return in the model's order
   * @throws OFTArgumentException where nothing matches, with the nearest names; where a matched
   *     module cannot be rotated; where a regular expression is malformed
   */
  public List<LayerMatch> match(ModelLayers model) {
    try (var call = Call.open()) {
      var config = NativeConfig.parseFile(call, text());
      var layers = call.utf8(model.json());
      JsonNode matches =
          Json.parse(
              call.text(
                  (buffer, capacity, outSize, outError) ->
                      OftC.oft_config_match(
                          config,
                          layers.data(),
                          layers.size(),
                          buffer,
                          capacity,
                          outSize,
                          outError)));
      return Json.list(matches, LayerMatch::of);
    }
  }

  /**
   * The block size for a dimension: the one asked for, or the nearest divisor.
   *
   * @param features the rotated dimension of a layer
   * @return a divisor of {@code features}
   * @throws OFTArgumentException where {@code features} is not positive
   */
  public long blockSize(long features) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_config_block_size(
              NativeConfig.parseFile(call, text()), features, call.out(), call.error()));
      return call.outLong();
    }
  }

  /** JSON of all components, not validated; no key is absent, so that no default applies. */
  String text() {
    return ConfigJson.write(this);
  }
}
