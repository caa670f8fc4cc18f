package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
class OFTConfigTest {
  @Test
  void defaultsAreThoseOfOft() {
    OFTConfig config = OFTConfig.builder().build();
    assertEquals(
        new OFTConfig(
            null,
            null,
            "0.21.0",
            null,
            null,
            false,
            8,
            0,
            0.0,
            null,
            false,
            "none",
            null,
            true,
            null,
            null,
            null,
            false,
            6e-5,
            false,
            false,
            5,
            config.rankPattern(),
            config.alphaPattern(),
            "{}",
            List.of()),
        config);
    assertEquals(Map.of(), config.rankPattern());
    assertEquals(Map.of(), config.alphaPattern());
    assertEquals(config, OFTConfig.parse("{}"));
  }

  @Test
  void theFileHasTheKeysOfPeftInItsOrder() throws IOException {
    JsonNode written = Json.parse(OFTConfig.builder().build().toJson());
    JsonNode ofPeft = TestData.json(TestData.path("adapters/exact/adapter_config.json"));
    assertEquals(
        ofPeft.propertyStream().map(Map.Entry::getKey).toList(),
        written.propertyStream().map(Map.Entry::getKey).toList());
  }

  @Test
  void absentKeysOfAFileTakeTheDefaultsOfPeft() {
    OFTConfig config =
        OFTConfig.parseFile("{\"oft_block_size\": 32, \"peft_version\": \"0.21.0\"}");
    assertEquals(0, config.r());
    assertTrue(config.useCayleyNeumann());
    assertFalse(config.warnings().isEmpty());
  }

  static Stream<String> adapters() throws IOException {
    try (var folders = Files.list(TestData.path("adapters"))) {
      return folders.map(folder -> folder.getFileName().toString()).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void aFileOfPeftSurvivesARoundTrip(String name) throws IOException {
    String file = Files.readString(TestData.path("adapters/" + name + "/adapter_config.json"));
    OFTConfig config = OFTConfig.parseFile(file);
    JsonNode written = Json.parse(config.toJson());
    for (Map.Entry<String, JsonNode> key : Json.parse(file).properties()) {
      if (!key.getKey().endsWith("_pattern") || !key.getValue().isEmpty()) {
        assertEquals(key.getValue(), written.get(key.getKey()), key.getKey());
      }
    }
    assertEquals(config.toJson(), OFTConfig.parseFile(config.toJson()).toJson());
  }

  @Test
  void everyFieldOfTheBuilderReachesTheFile() {
    OFTConfig config =
        OFTConfig.builder()
            .taskType("CAUSAL_LM")
            .autoMapping("{\"a\": [1]}")
            .baseModelNameOrPath("größer/模型")
            .revision("main")
            .inferenceMode(true)
            .oftBlockSize(16)
            .moduleDropout(0.25)
            .targetModules("q_proj", "v_proj")
            .fanInFanOut(true)
            .bias("oft_only")
            .excludeModules("lm_head")
            .initWeights(false)
            .layersToTransform(0, 2)
            .layersPattern("layers")
            .modulesToSave("classifier")
            .coft(true)
            .eps(1e-3)
            .blockShare(true)
            .useCayleyNeumann(true)
            .numCayleyNeumannTerms(6)
            .rankPattern("second", 4)
            .rankPattern("first", 2)
            .alphaPattern("second", 0.5)
            .build();
    assertEquals("CAUSAL_LM", config.taskType());
    assertEquals("{\"a\":[1]}", config.autoMapping());
    assertEquals("größer/模型", config.baseModelNameOrPath());
    assertEquals("main", config.revision());
    assertTrue(config.inferenceMode());
    assertEquals(0, config.r());
    assertEquals(16, config.oftBlockSize());
    assertEquals(0.25, config.moduleDropout());
    assertEquals(new NameSelector.Names(List.of("q_proj", "v_proj")), config.targetModules());
    assertTrue(config.fanInFanOut());
    assertEquals("oft_only", config.bias());
    assertEquals(new NameSelector.Names(List.of("lm_head")), config.excludeModules());
    assertFalse(config.initWeights());
    assertEquals(List.of(0L, 2L), config.layersToTransform());
    assertEquals(new NameSelector.Names(List.of("layers")), config.layersPattern());
    assertEquals(List.of("classifier"), config.modulesToSave());
    assertTrue(config.coft());
    assertEquals(1e-3, config.eps());
    assertTrue(config.blockShare());
    assertTrue(config.useCayleyNeumann());
    assertEquals(6, config.numCayleyNeumannTerms());
    assertEquals(List.of("second", "first"), List.copyOf(config.rankPattern().keySet()));
    assertEquals(Map.of("second", 0.5), config.alphaPattern());
    OFTConfig again = OFTConfig.parse(config.toJson());
    assertEquals(config, again);
    assertEquals(config.toJson(), again.toJson());
  }

  @Test
  void oneStringIsAnExpression() {
    OFTConfig config =
        OFTConfig.builder().targetModulesRegex(".*\\.q").excludeModulesRegex("x|y").build();
    assertEquals(new NameSelector.Pattern(".*\\.q"), config.targetModules());
    assertEquals(new NameSelector.Pattern("x|y"), config.excludeModules());
    assertEquals(
        new NameSelector.Pattern("all-linear"),
        OFTConfig.builder().allLinear().build().targetModules());
  }

  @Test
  void unknownKeysSurviveWithAWarning() {
    OFTConfig config = OFTConfig.parse("{\"from_the_future\": {\"a\": 1}}");
    assertEquals(1, config.warnings().size());
    assertTrue(config.warnings().getFirst().contains("from_the_future"));
    assertEquals("{\"a\":1}", Json.parse(config.toJson()).get("from_the_future").toString());
  }

  @Test
  void aMissingVersionStaysMissing() {
    OFTConfig config =
        OFTConfig.parseFile("{\"oft_block_size\": 4, \"r\": 0, \"use_cayley_neumann\": true}");
    assertNull(config.peftVersion());
    try (var scope = OFTScope.open()) {
      Tensor q = Tensor.of(scope, new float[6], 1, 6);
      assertEquals(
          Formula.CAYLEY_NEUMANN_LEGACY, Rotation.of(scope, q, 4, config).spec().formula());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"r\": -1}; r",
        "{\"eps\": \"0.1\"}; eps",
        "{\"module_dropout\": 5}; module_dropout",
        "{\"bias\": \"some\"}; bias",
        "{\"target_modules\": 7}; target_modules",
        "{\"r\": 4, \"oft_block_size\": 4}; oft_block_size"
      })
  void badValuesNameTheField(String json, String field) {
    var thrown = assertThrows(OFTArgumentException.class, () -> OFTConfig.parse(json));
    assertTrue(thrown.getMessage().contains(field), thrown.getMessage());
  }

  @Test
  void malformedTextAndForeignAdaptersHaveTheirOwnExceptions() {
    assertThrows(OFTParseException.class, () -> OFTConfig.parse("{"));
    assertThrows(OFTParseException.class, () -> OFTConfig.parse("[]"));
    assertThrows(OFTUnsupportedException.class, () -> OFTConfig.parse("{\"peft_type\": \"LORA\"}"));
    assertThrows(OFTUnsupportedException.class, () -> OFTConfig.parseFile("{\"r\": 8}"));
  }

  @Test
  void blockSizeIsTheNearestDivisor() {
    OFTConfig config = OFTConfig.builder().oftBlockSize(32).build();
    assertEquals(32, config.blockSize(768));
    assertEquals(25, config.blockSize(100));
    assertThrows(OFTArgumentException.class, () -> config.blockSize(0));
  }

  @Test
  void matchesLayersOfAModel() {
    var model =
        new ModelLayers(
            List.of(
                new ModelLayers.Layer("encoder", LayerKind.OTHER),
                new ModelLayers.Layer("encoder.0.q", LayerKind.LINEAR),
                new ModelLayers.Layer("encoder.0.k", LayerKind.LINEAR),
                new ModelLayers.Layer("encoder.1.q", LayerKind.LINEAR)));
    OFTConfig config = OFTConfig.builder().targetModules("q").rankPattern("1.q", 2).build();
    assertEquals(
        List.of(
            new LayerMatch("encoder.0.q", OptionalLong.empty()),
            new LayerMatch("encoder.1.q", OptionalLong.of(2))),
        config.match(model));

    OFTConfig nothing = OFTConfig.builder().targetModules("kk").build();
    var thrown = assertThrows(OFTArgumentException.class, () -> nothing.match(model));
    assertTrue(thrown.getMessage().contains("\"k\""), thrown.getMessage());
  }

  @Test
  void defaultTargetsFollowFromTheArchitecture() {
    var layers =
        List.of(
            new ModelLayers.Layer("h.query", LayerKind.LINEAR),
            new ModelLayers.Layer("h.key", LayerKind.LINEAR),
            new ModelLayers.Layer("head", LayerKind.LINEAR));
    OFTConfig config = OFTConfig.builder().build();
    var bert = new ModelLayers(layers, "bert", "head", true);
    assertEquals(List.of(new LayerMatch("h.query", OptionalLong.empty())), config.match(bert));
    OFTConfig all = OFTConfig.builder().allLinear().build();
    assertEquals(
        new HashSet<>(List.of("h.query", "h.key")),
        new HashSet<>(all.match(bert).stream().map(LayerMatch::name).toList()));
  }
}
