package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class ScriptModuleTest {
  private OFTScope scope;

  @BeforeEach
  void openScope() {
    scope = OFTScope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  @Test
  void forwardIsThatOfTheLayers() {
    ScriptModule mlp = TestScripts.mlp(scope);
    Tensor x = TestScripts.input(scope, 3);
    Tensor hidden = linear(mlp, "fc1", x).relu();
    Tensor expected =
        linear(mlp, "fc2", hidden).tanh().matmul(mlp.parameter("head.weight").transpose(0, 1));
    Tensor y = mlp.forward(x);
    assertArrayEquals(new long[] {3, 4}, y.shape());
    assertArrayEquals(expected.toFloatArray(), y.toFloatArray(), 1e-6f);
  }

  private static Tensor linear(ScriptModule module, String layer, Tensor x) {
    return x.matmul(module.parameter(layer + ".weight").transpose(0, 1))
        .add(module.parameter(layer + ".bias"));
  }

  @Test
  void bytesAndFilesAreTheSame(@TempDir Path folder) throws IOException {
    Tensor x = TestScripts.input(scope, 2);
    float[] expected = TestScripts.mlp(scope).forward(x).toFloatArray();

    byte[] bytes = Files.readAllBytes(TestScripts.path("mlp_scripted"));
    ScriptModule copied = ScriptModule.fromBytes(scope, bytes);
    assertArrayEquals(expected, copied.forward(x).toFloatArray());

    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length + 3).put(new byte[3]).put(bytes);
    direct.flip().position(3);
    ScriptModule mapped = ScriptModule.fromBytes(scope, direct, Device.cpu(), null);
    assertArrayEquals(expected, mapped.forward(x).toFloatArray());

    Path saved = folder.resolve("mlp ü.pt");
    mapped.save(saved);
    assertArrayEquals(expected, ScriptModule.load(scope, saved).forward(x).toFloatArray());
  }

  @Test
  void parametersLoadInAnotherType() {
    var module =
        ScriptModule.load(scope, TestScripts.path("mlp_scripted"), Device.cpu(), DType.FLOAT64);
    assertEquals(DType.FLOAT64, module.parameter("fc1.weight").dtype());
    Tensor x = TestScripts.input(scope, 2);
    Tensor y = module.forward(x.to(DType.FLOAT64));
    assertEquals(DType.FLOAT64, y.dtype());
    assertArrayEquals(TestScripts.mlp(scope).forward(x).toFloatArray(), y.toFloatArray(), 1e-6f);
  }

  @Test
  void modulesParametersAndBuffersAreListed() {
    ScriptModule conv = TestScripts.load(scope, "conv_scripted");
    assertTrue(
        conv.modules()
            .contains(
                new ModelLayers.Layer("padded", LayerKind.CONV_2D, "torch.nn.modules.conv.Conv2d")),
        conv.modules().toString());
    var parameters = conv.parameters();
    assertTrue(
        parameters.contains(
            new ParameterInfo("padded.weight", "float32", List.of(16L, 8L, 3L, 3L), Device.cpu())),
        parameters.toString());
    assertEquals(16 * 8 * 9, parameters.getFirst().numel());
    assertTrue(
        conv.buffers().stream().map(ParameterInfo::name).toList().contains("norm.running_mean"));
    assertTrue(conv.methods().contains("forward"));
    assertArrayEquals(new long[] {16}, conv.parameter("norm.running_var").shape());
    var thrown = assertThrows(OFTNotFoundException.class, () -> conv.parameter("padded.weigth"));
    assertTrue(thrown.getMessage().contains("padded.weight"), thrown.getMessage());
  }

  @Test
  void valuesOfEveryKindGoInAndOut() {
    ScriptModule module = TestScripts.load(scope, "structures_scripted");
    Tensor x = scope.tensor(new float[8], 1, 8);
    Tensor bias = scope.tensor(new float[] {1, 2, 3, 4});
    var named = new LinkedHashMap<String, Object>();
    named.put("zebra", x);
    var result =
        assertInstanceOf(
            Tuple.class,
            module.call(
                "forward",
                List.of(Tuple.of(x, x), List.of(x, x), named),
                Map.of("bias", bias, "times", 3, "scale", 0.5, "negate", true, "key", "apple")));
    float[] fc = module.parameter("fc.bias").toFloatArray();
    float[] total = new float[4];
    for (int i = 0; i < 4; i++) {
      total[i] = -fc[i] * 0.5f + (i + 1);
    }
    assertEquals(8, result.size());
    assertArrayEquals(total, ((Tensor) result.get(0)).toFloatArray(), 1e-6f);
    assertEquals(6, assertInstanceOf(List.class, result.get(1)).size());
    Map<?, ?> dict = assertInstanceOf(LinkedHashMap.class, result.get(2));
    assertEquals(List.of("zebra", "apple"), List.copyOf(dict.keySet()));
    assertArrayEquals(total, ((Tensor) dict.get("apple")).toFloatArray(), 1e-6f);
    assertArrayEquals(new float[] {1, 2, 3, 4}, ((Tensor) result.get(3)).toFloatArray());
    assertEquals(List.of(3L, 0.5, true, "apple"), result.items().subList(4, 8));
  }

  @Test
  void absentValuesAreNull() {
    ScriptModule module = TestScripts.load(scope, "structures_scripted");
    Tensor x = scope.tensor(new float[8], 1, 8);
    var result =
        (Tuple)
            module.call(
                "forward", List.of(Tuple.of(x, x), new Object[] {x}, Map.of("a", x)), Map.of());
    assertNull(result.get(3));
    assertEquals(2L, result.get(4));
  }

  @Test
  void otherMethodsAreCalled() {
    ScriptModule module = TestScripts.load(scope, "structures_scripted");
    Tensor x = scope.tensor(new float[] {1, 2, 3, 4});
    var y =
        (Tensor)
            module.call(
                "scaled", List.of(x, new double[] {2, 3}), Map.of("shape", new long[] {2, 2}));
    assertArrayEquals(new long[] {2, 2}, y.shape());
    assertArrayEquals(new float[] {6, 12, 18, 24}, y.toFloatArray());
    assertThrows(OFTNotFoundException.class, () -> module.call("scale", List.of(x), Map.of()));
  }

  @Test
  void argumentsThatDoNotFitAreNamed() {
    ScriptModule mlp = TestScripts.mlp(scope);
    assertThrows(OFTArgumentException.class, mlp::forward);
    var thrown = assertThrows(OFTArgumentException.class, () -> mlp.forward("text"));
    assertTrue(thrown.getMessage().contains("x"), thrown.getMessage());
    assertThrows(OFTArgumentException.class, () -> mlp.forward(scope.tensor(new float[3], 1, 3)));
  }

  @Test
  void forwardNeedsOneTensor() {
    ScriptModule module = TestScripts.load(scope, "structures_scripted");
    Tensor x = scope.tensor(new float[8], 1, 8);
    var thrown =
        assertThrows(
            OFTArgumentException.class,
            () -> module.forward(Tuple.of(x, x), List.of(x), Map.of("a", x)));
    assertTrue(
        thrown.getMessage().endsWith("returns a Tuple, not one tensor: use call(...)"),
        thrown.getMessage());
  }

  @Test
  void theModeIsKnownAndSet() {
    ScriptModule module = TestScripts.load(scope, "dropout_scripted");
    assertTrue(module.isTraining());
    module.eval();
    assertFalse(module.isTraining());
    Tensor x = TestScripts.input(scope, 4);
    assertArrayEquals(module.forward(x).toFloatArray(), module.forward(x).toFloatArray());
    module.train();
    assertTrue(module.isTraining());
    RandomState.seed(7);
    float[] first = module.forward(x).toFloatArray();
    float[] second = module.forward(x).toFloatArray();
    RandomState.seed(7);
    assertArrayEquals(first, module.forward(x).toFloatArray());
    assertFalse(java.util.Arrays.equals(first, second));
  }

  @Test
  void gradientsAreRecordedInTrainingModeOnly() {
    ScriptModule mlp = TestScripts.mlp(scope);
    Tensor x = TestScripts.input(scope, 2);
    Tensor weight = mlp.parameter("fc1.weight").requireGrad(true);
    mlp.eval();
    assertFalse(mlp.forward(x).requiresGrad());
    mlp.train();
    mlp.forward(x).sum().backward();
    assertArrayEquals(new long[] {32, 16}, weight.grad().orElseThrow().shape());
  }

  @Test
  void resultsJoinTheYoungestScope() {
    ScriptModule mlp = TestScripts.mlp(scope);
    try (var step = scope.child()) {
      assertSame(step, mlp.forward(TestScripts.input(step, 1)).scope());
    }
    assertSame(scope, mlp.forward(TestScripts.input(scope, 1)).scope());
    try (var outer = OFTScope.open()) {
      assertSame(outer, mlp.forward(TestScripts.input(outer, 1)).scope());
    }
  }

  @Test
  void otherFilesAreRefused(@TempDir Path folder) throws IOException {
    assertThrows(
        OFTNotFoundException.class, () -> ScriptModule.load(scope, folder.resolve("none.pt")));
    Path text = Files.writeString(folder.resolve("text.pt"), "not a module");
    assertThrows(OFTException.class, () -> ScriptModule.load(scope, text));
    assertThrows(OFTException.class, () -> ScriptModule.fromBytes(scope, new byte[0]));
    byte[] bytes = Files.readAllBytes(TestScripts.path("mlp_scripted"));
    byte[] half = java.util.Arrays.copyOf(bytes, bytes.length / 2);
    assertThrows(OFTParseException.class, () -> ScriptModule.fromBytes(scope, half));
  }

  @Test
  void aDeviceThatDoesNotExistIsRefused() {
    assertThrows(
        OFTDeviceException.class,
        () -> ScriptModule.load(scope, TestScripts.path("mlp_scripted"), Device.cuda(99), null));
  }

  @Test
  void aClosedModuleThrowsAndIsNamed() {
    ScriptModule mlp;
    try (var inner = scope.child()) {
      mlp = TestScripts.mlp(inner);
    }
    Tensor x = TestScripts.input(scope, 1);
    var thrown = assertThrows(OFTStateException.class, () -> mlp.forward(x));
    assertTrue(thrown.getMessage().contains("mlp_scripted.pt is closed"), thrown.getMessage());
    assertThrows(OFTStateException.class, mlp::train);
    assertThrows(OFTStateException.class, mlp::parameters);
  }
}
