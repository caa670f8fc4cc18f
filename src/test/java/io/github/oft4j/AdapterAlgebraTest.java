package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Blending, extracting and converting, on a real network. */
@ExtendWith(LeakCheck.class)
class AdapterAlgebraTest {
  private static final Path BASE = Path.of("examples/digits/base");
  private static final Path ADAPTER = Path.of("examples/digits/adapter");
  private static final String LAYER = "fc1";
  private static final String ROTATION = "base_model.model.fc1.oft_R.weight";

  @TempDir Path temp;

  @Test
  void aWeightScalesTheAngles() {
    try (var scope = OFTScope.open()) {
      var adapter = AdapterFile.load(scope, ADAPTER);
      BlendedAdapter half = new AdapterBlend().add(adapter, 0.5).blend(scope);
      long features = features(adapter);
      float[] whole = angles(adapter.rotation(LAYER, features));
      float[] halves = angles(half.adapter().rotation(LAYER, features));
      for (int i = 0; i < whole.length; i++) {
        assertEquals(whole[i] / 2, halves[i], 1e-5);
      }
      assertEquals(BlendRule.GROUP, half.report().rule());
      assertEquals(Side.INPUT, half.report().side());
      assertTrue(half.report().orthogonalityError() < 1e-5);
      assertEquals(1, half.report().layers().getFirst().adapters());
    }
  }

  @Test
  void aBlendOfAnAdapterAndItsInverseIsTheIdentity() {
    try (var scope = OFTScope.open()) {
      var adapter = AdapterFile.load(scope, ADAPTER);
      BlendedAdapter nothing = new AdapterBlend().add(adapter, 1).add(adapter, -1).blend(scope);
      assertEquals(0, nothing.report().largestAngle(), 1e-6);
    }
  }

  @Test
  void orthoMergeKeepsTheStrengthOfEqualAdapters() {
    try (var scope = OFTScope.open()) {
      var adapter = AdapterFile.load(scope, ADAPTER);
      BlendedAdapter merged =
          new AdapterBlend()
              .add(adapter, 1)
              .add(adapter, 1)
              .rule(BlendRule.ORTHO_MERGE)
              .blend(scope);
      long features = features(adapter);
      assertArrayEquals(
          angles(adapter.rotation(LAYER, features)),
          angles(merged.adapter().rotation(LAYER, features)),
          1e-5f);
    }
  }

  @Test
  void aBlendKeepsTheHypersphericalEnergy() {
    try (var scope = OFTScope.open()) {
      var adapter = AdapterFile.load(scope, ADAPTER);
      BlendedAdapter blend = new AdapterBlend().add(adapter, 0.7).add(adapter, 0.6).blend(scope);
      blend.adapter().save(temp.resolve("blend"));
    }
    for (CheckedLayer layer : AdapterCheck.of(BASE, temp.resolve("blend")).run().layers()) {
      assertEquals(1, layer.energyAfter() / layer.energyBefore(), 1e-5, layer.name());
      assertTrue(layer.meanAngle() > 0, layer.name());
    }
  }

  @Test
  void blendsRefuseNothingAndNumbersThatAreNone() {
    try (var scope = OFTScope.open()) {
      var adapter = AdapterFile.load(scope, ADAPTER);
      assertThrows(OFTArgumentException.class, () -> new AdapterBlend().blend(scope));
      var blend = new AdapterBlend().add(adapter, Double.NaN);
      assertThrows(OFTArgumentException.class, () -> blend.blend(scope));
    }
  }

  @Test
  void extractingFindsTheAdapterThatWasMerged() throws IOException {
    Path tuned = temp.resolve("tuned");
    CheckpointMerge.of(BASE).adapter(ADAPTER).sync(false).writeTo(tuned);
    var config = OFTConfig.builder().oftBlockSize(32).build();
    try (var scope = OFTScope.open()) {
      ExtractedAdapter found = AdapterExtract.of(BASE, tuned, config).extract(scope);
      assertTrue(found.report().explained() > 0.999999, () -> found.report().json());
      assertEquals(2, found.report().layers().size());
      assertEquals(List.of(), found.report().changed());
      found.adapter().save(temp.resolve("found"));
    }
    Map<String, float[]> expected =
        SafetensorsReader.read(ADAPTER.resolve("adapter_model.safetensors"));
    Map<String, float[]> found =
        SafetensorsReader.read(temp.resolve("found/adapter_model.safetensors"));
    assertEquals(expected.keySet(), found.keySet());
    assertArrayEquals(expected.get(ROTATION), found.get(ROTATION), 1e-4f);
  }

  @Test
  void extractingMayBeCancelled() {
    Path tuned = temp.resolve("tuned");
    CheckpointMerge.of(BASE).adapter(ADAPTER).sync(false).writeTo(tuned);
    var extract =
        AdapterExtract.of(BASE, tuned, OFTConfig.builder().oftBlockSize(32).build())
            .progress((_, _) -> false);
    try (var scope = OFTScope.open()) {
      assertThrows(OFTCancelledException.class, () -> extract.extract(scope));
    }
  }

  @Test
  void equalModelsHaveNothingToExtract() {
    var extract = AdapterExtract.of(BASE, BASE, OFTConfig.builder().oftBlockSize(32).build());
    try (var scope = OFTScope.open()) {
      assertThrows(OFTArgumentException.class, () -> extract.extract(scope));
    }
  }

  @Test
  void aNewFormulaIsNearAndTellsHowNear() {
    Path target = temp.resolve("neumann");
    try (var scope = OFTScope.open()) {
      var strong = AdapterFile.load(scope, ADAPTER);
      var weak = new AdapterBlend().add(strong, 0.1).blend(scope).adapter();
      ConvertReport report = toNeumann(weak, target);
      assertEquals(Formula.CAYLEY_NEUMANN, report.formula().orElseThrow());
      assertFalse(report.exact());
      assertTrue(report.error() > 0 && report.error() < 1e-3, report.json());
      assertTrue(toNeumann(strong, temp.resolve("far")).error() > 0.1);
      assertTrue(AdapterFile.load(scope, target).config().useCayleyNeumann());
    }
  }

  @Test
  void aLoraOfFullRankIsTheWholeChange() {
    Path target = temp.resolve("lora");
    try (var scope = OFTScope.open()) {
      var convert =
          AdapterConvert.of(AdapterFile.load(scope, ADAPTER), ConvertTarget.LORA).base(BASE);
      ConvertReport report = convert.rank(1024).writeTo(target);
      assertEquals(1, report.energyKept().orElseThrow(), 1e-6);
      assertTrue(Files.exists(target.resolve("adapter_config.json")));
      ConvertReport small = convert.rank(4).force().writeTo(target);
      assertTrue(small.energyKept().orElseThrow() < 0.999);
      assertEquals(4, small.layers().getFirst().rank().orElseThrow());
    }
  }

  @Test
  void whatAFormatCannotSayIsRefusedAndLeavesNothing() {
    Path target = temp.resolve("lycoris.safetensors");
    try (var scope = OFTScope.open()) {
      var convert = AdapterConvert.of(AdapterFile.load(scope, ADAPTER), ConvertTarget.LYCORIS);
      var thrown = assertThrows(OFTUnsupportedException.class, () -> convert.writeTo(target));
      assertTrue(thrown.getMessage().contains("input"), thrown.getMessage());
      var lora = AdapterConvert.of(AdapterFile.load(scope, ADAPTER), ConvertTarget.LORA);
      assertThrows(OFTArgumentException.class, () -> lora.writeTo(target));
    }
    assertFalse(Files.exists(target));
  }

  @Test
  void powersOfARotationAreItsAnglesTimesANumber() {
    try (var scope = OFTScope.open()) {
      var adapter = AdapterFile.load(scope, ADAPTER);
      long features = features(adapter);
      Rotation rotation = adapter.rotation(LAYER, features);
      float[] whole = angles(rotation);
      float[] power = angles(rotation.power(-1.5));
      for (int i = 0; i < whole.length; i++) {
        assertEquals(1.5 * whole[i], power[i], 1e-5);
      }
      assertThrows(OFTArgumentException.class, () -> rotation.power(Double.NaN));
    }
  }

  private static ConvertReport toNeumann(AdapterFile adapter, Path target) {
    return AdapterConvert.of(adapter, ConvertTarget.PEFT)
        .formula(Formula.CAYLEY_NEUMANN)
        .writeTo(target);
  }

  private static long features(AdapterFile adapter) {
    AdapterFile.Layer layer = adapter.layers().getFirst();
    return layer.rows() * layer.blockSize();
  }

  private static float[] angles(Rotation rotation) {
    return rotation.angles().to(DType.FLOAT32).toFloatArray();
  }
}
