package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class OFTModelTest {
  private static final float TOLERANCE = 1e-5f;

  private OFTScope scope;
  private ScriptModule base;
  private Tensor x;

  @BeforeEach
  void loadBase() {
    RandomState.seed(0);
    scope = OFTScope.open();
    base = TestScripts.mlp(scope);
    x = TestScripts.input(scope, 5);
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private OFTModel model() {
    return OFTModel.create(base, TestScripts.config());
  }

  private float[] y(OFTModel model) {
    return model.forward(x).toFloatArray();
  }

  private float[] baseline() {
    return base.forward(x).toFloatArray();
  }

  private static void assertDiffers(float[] a, float[] b) {
    assertFalse(Arrays.equals(a, b), "the outputs are the same");
  }

  @Test
  void aNewAdapterIsTheIdentity() {
    var config = OFTConfig.builder().targetModules("fc1", "fc2").oftBlockSize(8).build();
    assertArrayEquals(baseline(), y(OFTModel.create(base, config)), TOLERANCE);
  }

  @Test
  void forwardIsThatOfTheMergedWeights() {
    OFTModel model = model();
    AdapterFile adapter = model.adapter("default");
    Tensor hidden = x;
    for (String layer : List.of("fc1", "fc2")) {
      Tensor weight = base.parameter(layer + ".weight");
      Tensor merged = adapter.rotation(layer, weight.shape()[1]).merge(weight, LayerKind.LINEAR);
      Tensor z = hidden.matmul(merged.transpose(0, 1)).add(base.parameter(layer + ".bias"));
      hidden = layer.equals("fc1") ? z.relu() : z.tanh();
    }
    Tensor expected = hidden.matmul(base.parameter("head.weight").transpose(0, 1));
    assertArrayEquals(expected.toFloatArray(), y(model), TOLERANCE);
    assertDiffers(baseline(), y(model));
  }

  @Test
  void savedAdaptersLoadIntoOtherModels(@TempDir Path folder) {
    OFTModel model = model();
    float[] expected = y(model);
    model.savePretrained(folder);
    assertTrue(Files.exists(folder.resolve("adapter_model.safetensors")));
    OFTModel loaded = OFTModel.fromPretrained(base, folder);
    assertArrayEquals(expected, y(loaded));
    assertEquals(List.of(), loaded.trainableParameters());
    var trainable =
        OFTModel.fromPretrained(base, folder, "again", true, OFTModelOptions.defaults());
    assertEquals(1, trainable.trainableParameters().size());
    assertEquals(List.of("again"), trainable.activeAdapters());
  }

  @Test
  void strengthScalesAnAdapter() {
    OFTModel model = model();
    float[] whole = y(model);
    assertEquals(1, model.adapterStrength("default"));
    model.setAdapterStrength("default", 0.5);
    assertEquals(0.5, model.adapterStrength("default"));
    assertEquals(0.5, model.info().adapters().getFirst().strength());
    float[] half = y(model);
    assertDiffers(whole, half);
    assertDiffers(baseline(), half);
    model.mergeAdapter();
    assertArrayEquals(half, y(model), TOLERANCE);
    model.setAdapterStrength("default", 0);
    assertEquals(List.of(), model.mergedAdapters());
    assertArrayEquals(baseline(), y(model));
    model.setAdapterStrength("default", 1);
    assertArrayEquals(whole, y(model));
  }

  @Test
  void strengthIsFiniteAndForInference() {
    OFTModel model = model();
    assertThrows(OFTArgumentException.class, () -> model.setAdapterStrength("default", Double.NaN));
    assertThrows(OFTNotFoundException.class, () -> model.setAdapterStrength("other", 0.5));
    assertThrows(OFTNotFoundException.class, () -> model.adapterStrength("other"));
    model.setAdapterStrength("default", 0.5);
    model.train();
    var failure = assertThrows(OFTStateException.class, () -> model.forward(x));
    assertTrue(failure.getMessage().contains("set_adapter_strength"), failure.getMessage());
    model.setAdapterStrength("default", 1);
    model.forward(x);
  }

  @Test
  void adaptersOfOtherMakersAreForTheModelThatTheyName() {
    var file = TestData.path("foreign/lycoris-diag.safetensors");
    var failure =
        assertThrows(OFTArgumentException.class, () -> OFTModel.fromPretrained(base, file));
    assertTrue(failure.getMessage().contains("'unet'"), failure.getMessage());
    var options = OFTModelOptions.defaults();
    assertThrows(
        OFTUnsupportedException.class,
        () -> OFTModel.fromPretrained(base, file, "default", true, options));
  }

  @Test
  void severalAdaptersAreKeptSwitchedAndDeleted(@TempDir Path folder) {
    OFTModel model = model();
    float[] first = y(model);
    model.addAdapter("other", TestScripts.config());
    assertEquals(List.of("default", "other"), model.adapterNames());
    assertEquals(List.of("default"), model.activeAdapters());
    assertArrayEquals(first, y(model));

    model.setAdapter("other");
    float[] second = y(model);
    assertDiffers(first, second);
    model.setAdapter("default", "other");
    float[] both = y(model);
    assertEquals(List.of("default", "other"), model.activeAdapters());
    model.setAdapter("other", "default");
    assertDiffers(both, y(model));

    model.savePretrained(folder);
    assertTrue(Files.exists(folder.resolve("other").resolve("adapter_config.json")));
    model.loadAdapter(folder.resolve("other"), "third");
    model.setAdapter("third");
    assertArrayEquals(second, y(model));
    model.loadAdapter(folder, "third");
    assertArrayEquals(first, y(model));

    model.deleteAdapter("other");
    assertEquals(List.of("default", "third"), model.adapterNames());
  }

  @Test
  void aForwardMayChooseItsAdapters() {
    OFTModel model = model();
    float[] first = y(model);
    model.addAdapter("other", TestScripts.config());
    var other = ForwardOptions.defaults().adapters("other");
    float[] second = model.forward(other, x).toFloatArray();
    assertDiffers(first, second);
    assertArrayEquals(first, y(model));
    model.setAdapter("other");
    assertArrayEquals(second, y(model));
    var named = (Tensor) model.call(ForwardOptions.defaults().kwarg("x", x));
    assertArrayEquals(second, named.toFloatArray());
  }

  @Test
  void unknownNamesAreRefusedWithTheKnownOnes(@TempDir Path folder) {
    OFTModel model = model();
    for (Runnable use :
        List.<Runnable>of(
            () -> model.setAdapter("nobody"),
            () -> model.deleteAdapter("nobody"),
            () -> model.adapter("nobody"),
            () -> model.mergeAdapter("nobody"),
            () -> model.savePretrained(folder, "nobody"),
            () -> model.mergeAndUnload(MergeOptions.safe().adapters("nobody")),
            () -> model.forward(ForwardOptions.defaults().adapters("nobody"), x))) {
      var thrown = assertThrows(OFTNotFoundException.class, use::run);
      assertTrue(thrown.getMessage().contains("default"), thrown.getMessage());
    }
    assertThrows(
        OFTArgumentException.class, () -> model.addAdapter("default", TestScripts.config()));
    assertThrows(OFTArgumentException.class, () -> model.addAdapter("a.b", TestScripts.config()));
    assertThrows(OFTNotFoundException.class, () -> model.parameter("fc1.weight"));
  }

  @Test
  void configurationsThatDoNotFitAreRefused() {
    var unmatched = OFTConfig.builder().targetModules("fc9").build();
    var thrown = assertThrows(OFTArgumentException.class, () -> OFTModel.create(base, unmatched));
    assertTrue(thrown.getMessage().contains("fc1"), thrown.getMessage());
    var norm = OFTConfig.builder().targetModules("norm1").build();
    ScriptModule attention = TestScripts.load(scope, "attention_scripted");
    var refused = assertThrows(OFTException.class, () -> OFTModel.create(attention, norm));
    assertTrue(refused.getMessage().contains("norm1"), refused.getMessage());
    ScriptModule frozen = TestScripts.load(scope, "frozen");
    assertThrows(
        OFTUnsupportedException.class, () -> OFTModel.create(frozen, TestScripts.config()));
  }

  @Test
  void disabledItIsTheBase() {
    OFTModel model = model();
    float[] adapted = y(model);
    model.disableAdapter();
    assertFalse(model.isEnabled());
    assertArrayEquals(baseline(), y(model));
    model.enableAdapter();
    assertArrayEquals(adapted, y(model));
  }

  @Test
  void disablingScopesNest() {
    OFTModel model = model();
    float[] adapted = y(model);
    try (var _ = model.disabledAdapter()) {
      DisabledAdapter inner = model.disabledAdapter();
      assertArrayEquals(baseline(), y(model));
      inner.close();
      inner.close();
      assertFalse(model.isEnabled());
      assertArrayEquals(baseline(), y(model));
    }
    assertArrayEquals(adapted, y(model));
    model.disableAdapter();
    try (var _ = model.disabledAdapter()) {
      assertFalse(model.isEnabled());
    }
    assertFalse(model.isEnabled());
  }

  @Test
  void mergingAndUnmergingIsExact() {
    OFTModel model = model();
    float[] adapted = y(model);
    model.mergeAdapter();
    assertEquals(List.of("default"), model.mergedAdapters());
    assertArrayEquals(adapted, y(model), TOLERANCE);
    assertThrows(OFTStateException.class, () -> model.deleteAdapter("default"));
    model.unmergeAdapter();
    assertEquals(List.of(), model.mergedAdapters());
    assertArrayEquals(adapted, y(model));
    model.mergeAdapter(List.of("default"), true);
    model.disableAdapter();
    assertArrayEquals(baseline(), y(model));
  }

  @Test
  void withoutBaseWeightsUnmergingIsClose() {
    var options = OFTModelOptions.defaults().keepBaseWeights(false);
    OFTModel model = OFTModel.create(base, TestScripts.config(), "default", options);
    float[] adapted = y(model);
    model.mergeAdapter();
    assertArrayEquals(adapted, y(model), TOLERANCE);
    model.unmergeAdapter();
    assertArrayEquals(adapted, y(model), TOLERANCE);
  }

  @Test
  void cachedMergedWeightsComputeTheSame() {
    OFTModel unmerged = model();
    var options = OFTModelOptions.defaults().cacheMergedWeights(true);
    OFTModel model = OFTModel.create(base, TestScripts.config(), "default", options);
    model.trainableParameters().getFirst().copyFrom(unmerged.trainableParameters().getFirst());
    assertArrayEquals(y(unmerged), y(model), TOLERANCE);
    assertDiffers(baseline(), y(model));
  }

  @Test
  void safeMergesRefuseWhatIsNotFinite() {
    OFTModel model = model();
    Tensor q = model.trainableParameters().getFirst();
    q.copyFrom(scope.tensor(new float[] {Float.NaN}));
    assertThrows(OFTArgumentException.class, () -> model.mergeAdapter(null, true));
    assertThrows(OFTArgumentException.class, () -> model.mergeAndUnload(MergeOptions.safe()));
    assertEquals(List.of(), model.mergedAdapters());
  }

  @Test
  void mergedModulesAreFreeOfAdapters(@TempDir Path folder) {
    OFTModel model = model();
    float[] adapted = y(model);
    ScriptModule merged = model.mergeAndUnload(MergeOptions.safe());
    assertSame(scope, merged.scope());
    assertArrayEquals(adapted, merged.forward(x).toFloatArray(), TOLERANCE);
    Path file = folder.resolve("merged.pt");
    merged.save(file);
    ScriptModule loaded = ScriptModule.load(scope, file);
    assertArrayEquals(merged.forward(x).toFloatArray(), loaded.forward(x).toFloatArray());
    assertEquals(base.parameters(), loaded.parameters());
    assertEquals(base.modules(), loaded.modules());
  }

  @Test
  void unloadingGivesTheBaseBack() {
    OFTModel model = model();
    ScriptModule unloaded = model.unload();
    assertArrayEquals(baseline(), unloaded.forward(x).toFloatArray());
    assertThrows(OFTStateException.class, () -> model.forward(x));
    assertThrows(OFTStateException.class, model::mergeAndUnload);
    assertThrows(OFTStateException.class, model::train);
    assertFalse(model.info().json().isEmpty());
  }

  @Test
  void mergesReportTheirProgress() {
    var seen = new ArrayList<String>();
    model()
        .mergeAndUnload(
            MergeOptions.defaults()
                .progress(
                    (done, total) -> {
                      seen.add(done + "/" + total);
                      return true;
                    }));
    assertEquals(List.of("1/2", "2/2"), seen);
  }

  @Test
  void listenersCancelMerges() {
    OFTModel model = model();
    float[] adapted = y(model);
    var cancel = MergeOptions.defaults().progress((done, total) -> false);
    assertThrows(OFTCancelledException.class, () -> model.mergeAndUnload(cancel));
    var fail =
        MergeOptions.defaults()
            .progress(
                (done, total) -> {
                  throw new IllegalStateException("on purpose");
                });
    var thrown = assertThrows(IllegalStateException.class, () -> model.mergeAndUnload(fail));
    assertEquals("on purpose", thrown.getMessage());
    assertArrayEquals(adapted, y(model));
  }

  @Test
  void gradientsAreRecordedInTrainingModeOnly() {
    OFTModel model = model();
    assertFalse(model.isTraining());
    assertFalse(model.forward(x).requiresGrad());
    assertTrue(model.forward(ForwardOptions.defaults().recordGrad(true), x).requiresGrad());
    model.train();
    assertTrue(model.isTraining());
    assertTrue(model.forward(x).requiresGrad());
    assertFalse(model.forward(ForwardOptions.defaults().recordGrad(false), x).requiresGrad());
    model.eval();
    assertFalse(model.forward(x).requiresGrad());
  }

  @Test
  void gradientsAreThoseOfFiniteDifferences() {
    var module =
        ScriptModule.load(scope, TestScripts.path("mlp_scripted"), Device.cpu(), DType.FLOAT64);
    OFTModel model = OFTModel.create(module, TestScripts.config());
    Tensor input = x.to(DType.FLOAT64);
    Tensor q = model.trainableParameters().getFirst();
    model.train();
    model.forward(input).mul(model.forward(input)).sum().backward();
    double[] gradient = q.grad().orElseThrow().toDoubleArray();
    double[] values = q.toDoubleArray();
    model.eval();
    double step = 1e-6;
    for (int i = 0; i < values.length; i += 37) {
      double above = squares(model, input, q, values, i, step);
      double below = squares(model, input, q, values, i, -step);
      assertEquals((above - below) / (2 * step), gradient[i], 1e-7, "element " + i);
    }
  }

  private static double squares(
      OFTModel model, Tensor input, Tensor q, double[] values, int index, double change) {
    try (var step = OFTScope.open()) {
      double[] changed = values.clone();
      changed[index] += change;
      q.copyFrom(step.tensor(changed, q.shape()));
      Tensor y = model.forward(input.in(step));
      return y.mul(y).sum().item();
    }
  }

  @Test
  void layerParametersArePartsOfTheTrainableOnes() {
    OFTModel model = model();
    var trainable = model.namedTrainableParameters();
    assertEquals(1, trainable.size());
    assertArrayEquals(new long[] {6, 28}, trainable.values().iterator().next().shape());
    assertEquals(6 * 28, model.info().trainableParameters());

    var layers = model.layerParameters();
    assertEquals(
        List.of("fc1.oft_R.default.weight", "fc2.oft_R.default.weight"),
        layers.stream().map(LayerParameter::name).toList());
    assertArrayEquals(new long[] {2, 28}, layers.get(0).value().shape());
    assertTrue(layers.get(0).grad().isEmpty());
    model.train();
    model.forward(x).sum().backward();
    Tensor grad = model.layerParameters().get(1).grad().orElseThrow();
    assertArrayEquals(new long[] {4, 28}, grad.shape());
    Tensor whole = model.trainableParameters().getFirst().grad().orElseThrow();
    assertArrayEquals(whole.narrow(0, 2, 4).toFloatArray(), grad.toFloatArray());
  }

  @Test
  void writtenParametersCountAtOnce() {
    OFTModel model = model();
    float[] before = y(model);
    model.parameter("fc1.oft_R.default.weight").copyFrom(scope.tensor(new float[] {0}));
    model.parameter("fc2.oft_R.default.weight").copyFrom(scope.tensor(new float[] {0}));
    assertDiffers(before, y(model));
    assertArrayEquals(baseline(), y(model), TOLERANCE);
  }

  @Test
  void adaptersWithoutMemoryWaitForAFile(@TempDir Path folder) {
    OFTModel full = model();
    full.savePretrained(folder);
    var options = OFTModelOptions.defaults().lowCpuMemUsage(true);
    OFTModel empty = OFTModel.create(base, TestScripts.config(), "default", options);
    assertThrows(OFTStateException.class, () -> empty.forward(x));
    assertEquals(List.of(), empty.layerParameters());
    empty.loadAdapter(folder, "default");
    assertArrayEquals(y(full), y(empty));
  }

  @Test
  void mixedPrecisionComputesInSixteenBits() {
    OFTModel model = model();
    var mixed = ForwardOptions.defaults().autocast(DType.BFLOAT16);
    Tensor y = model.forward(mixed, x);
    assertEquals(DType.BFLOAT16, y.dtype());
    assertArrayEquals(y(model), y.toFloatArray(), 0.05f);
  }

  @Test
  void theModelDescribesItself() {
    OFTModel model = model();
    OFTModelInfo info = model.info();
    var adapter = info.adapters().getFirst();
    assertEquals("default", adapter.name());
    assertEquals(6 * 28, adapter.parameters());
    assertTrue(adapter.trainable());
    assertEquals(8, OFTConfig.parseFile(adapter.config()).oftBlockSize());
    var layer = info.layers().getFirst();
    assertEquals("fc1", layer.name());
    assertEquals(LayerKind.LINEAR, layer.kind());
    assertEquals("graph", layer.placement());
    assertEquals(16, layer.features());
    assertEquals(8, layer.blockSize());
    assertEquals(2, layer.blocks());
    long all = base.parameters().stream().mapToLong(ParameterInfo::numel).sum() + 6 * 28;
    assertEquals(all, info.allParameters());
    assertEquals(
        "trainable params: 168 || all params: 1,896 || trainable%: 8.8608",
        model.trainableParametersText());
    assertTrue(model.toString().contains("mlp_scripted.pt"), model.toString());
  }

  @Test
  void resultsJoinTheYoungestScope() {
    OFTModel model = model();
    assertSame(scope, model.scope());
    try (var step = scope.child()) {
      assertSame(step, model.forward(TestScripts.input(step, 1)).scope());
    }
    assertSame(scope, model.forward(x).scope());
    assertThrows(OFTArgumentException.class, () -> model.forward(Map.of("no", "tensor")));
  }

  @Test
  void aClosedModelThrows() {
    OFTModel model;
    try (var inner = scope.child()) {
      model = OFTModel.create(TestScripts.mlp(inner), TestScripts.config());
    }
    assertThrows(OFTStateException.class, () -> model.forward(x));
    assertThrows(OFTStateException.class, model::info);
    assertThrows(OFTStateException.class, model::train);
  }
}
