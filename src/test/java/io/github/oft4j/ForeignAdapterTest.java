package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.internal.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files of other makers than PEFT, compared with what their makers' own formulas merge. */
@ExtendWith(LeakCheck.class)
class ForeignAdapterTest {
  private static final Path FOREIGN = TestData.path("foreign");
  private static final Path PIPELINE = FOREIGN.resolve("pipeline");

  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource({
    "lycoris-diag, LyCORIS diag-oft, OUTPUT, 1",
    "lycoris-old, LyCORIS diag-oft, OUTPUT, 1",
    "lycoris-boft, LyCORIS BOFT, OUTPUT, 3",
    "kohya, kohya sd-scripts, OUTPUT, 1",
    "kohya-flux, kohya sd-scripts, OUTPUT, 4",
    "onetrainer, OneTrainer, INPUT, 1",
    "onetrainer-shared, OneTrainer, INPUT, 1",
  })
  void isReadNamedAndDescribed(String name, String maker, Side side, long factors)
      throws IOException {
    Path file = file(name);
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.load(scope, file);
      assertEquals(maker, adapter.maker());
      assertEquals(expected(name).size(), adapter.layers().size());
      assertEquals(List.of(), adapter.unusedKeys());
      assertEquals(
          Set.of(side),
          adapter.layers().stream().map(AdapterFile.Layer::side).collect(Collectors.toSet()));
      assertEquals(
          factors,
          adapter.layers().stream().mapToLong(AdapterFile.Layer::factors).max().orElseThrow());
    }
    var description = Json.parse(OFT.describe(file));
    assertEquals("adapter", description.get("type").textValue());
    assertEquals(maker, description.get("maker").textValue());
  }

  @ParameterizedTest
  @CsvSource({
    "lycoris-diag",
    "lycoris-old",
    "lycoris-boft",
    "kohya",
    "onetrainer",
    "onetrainer-shared"
  })
  void mergesIntoAPipelineAsItsMakerDoes(String name) throws IOException {
    Path target = temp.resolve("merged");
    MergeReport report =
        CheckpointMerge.of(PIPELINE).adapter(file(name)).verify().sync(false).writeTo(target);
    assertTrue(report.verified());
    Map<String, float[]> unet =
        SafetensorsReader.read(target.resolve("unet/diffusion_pytorch_model.safetensors"));
    Map<String, float[]> text =
        name.endsWith("diag") || name.startsWith("onetrainer")
            ? SafetensorsReader.read(target.resolve("text_encoder/model.safetensors"))
            : Map.of();
    expected(name)
        .forEach(
            (key, values) -> {
              boolean isUnet = key.startsWith("unet.");
              String parameter = key.substring(key.indexOf('.') + 1);
              assertClose(values, (isUnet ? unet : text).get(parameter), key);
            });
  }

  @Test
  void mergesLayersThatAreFusedFromSeveral() throws IOException {
    Path target = temp.resolve("merged.safetensors");
    CheckpointMerge.of(FOREIGN.resolve("transformer.safetensors"))
        .adapter(file("kohya-flux"))
        .sync(false)
        .writeTo(target);
    Map<String, float[]> merged = SafetensorsReader.read(target);
    expected("kohya-flux")
        .forEach(
            (key, values) -> assertClose(values, merged.get(key.replace("transformer.", "")), key));
  }

  @Test
  void aCheckTellsComponentSideAndFactors() {
    CheckReport report =
        AdapterCheck.of(PIPELINE, file("onetrainer")).maxOrthogonalityError(1).run();
    assertEquals(List.of(), report.problems());
    assertEquals(
        Set.of("unet", "text_encoder"),
        report.layers().stream().map(CheckedLayer::component).collect(Collectors.toSet()));
    CheckReport butterflies = AdapterCheck.of(PIPELINE, file("lycoris-boft")).run();
    assertTrue(butterflies.layers().stream().anyMatch(layer -> layer.factors() > 1));
    assertTrue(butterflies.layers().stream().allMatch(layer -> layer.side() == Side.OUTPUT));
  }

  @Test
  void whatCannotBeReadIsNamed() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("several"));
    Files.copy(file("kohya"), folder.resolve("a.safetensors"));
    try (var scope = OFTScope.open()) {
      assertEquals("kohya sd-scripts", AdapterFile.load(scope, folder).maker());
      Files.copy(file("kohya"), folder.resolve("b.safetensors"));
      var several = assertThrows(OFTArgumentException.class, () -> AdapterFile.load(scope, folder));
      assertTrue(several.getMessage().contains("b.safetensors"), several.getMessage());
      var checkpoint =
          assertThrows(
              OFTArgumentException.class,
              () -> AdapterFile.load(scope, FOREIGN.resolve("transformer.safetensors")));
      assertTrue(checkpoint.getMessage().contains("not an OFT adapter"), checkpoint.getMessage());
      AdapterFile adapter = AdapterFile.load(scope, file("kohya"));
      assertThrows(OFTUnsupportedException.class, () -> adapter.save(temp.resolve("peft")));
    }
  }

  private static Path file(String name) {
    return FOREIGN.resolve(name + ".safetensors");
  }

  private static Map<String, float[]> expected(String name) throws IOException {
    return SafetensorsReader.read(FOREIGN.resolve("expected").resolve(name + ".safetensors"));
  }

  private static void assertClose(float[] expected, float[] actual, String name) {
    assertEquals(expected.length, actual.length, name);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 2e-6, name);
    }
  }
}
