package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each named operation against numbers worked out by hand or by {@link Math}. */
@ExtendWith(LeakCheck.class)
class TensorOperationsTest {
  private static final double TOLERANCE = 1e-12;

  private OFTScope scope;

  @BeforeEach
  void openScope() {
    scope = OFTScope.open();
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private Tensor vector(double... values) {
    return scope.tensor(values);
  }

  private Tensor matrix() {
    return scope.tensor(new double[] {1, -2, 3, 4, 5, -6}, 2, 3);
  }

  private static void assertElements(Tensor actual, double... expected) {
    assertArrayEquals(expected, actual.toDoubleArray(), TOLERANCE);
  }

  private static void assertShape(Tensor actual, long... expected) {
    assertArrayEquals(expected, actual.shape());
  }

  @Test
  void arithmeticOfTensorsAndNumbers() {
    Tensor a = vector(6, -8);
    Tensor b = vector(2, 4);
    assertElements(a.add(b), 8, -4);
    assertElements(a.sub(b), 4, -12);
    assertElements(a.mul(b), 12, -32);
    assertElements(a.div(b), 3, -2);
    assertElements(a.pow(b), 36, 4096);
    assertElements(a.add(0.5), 6.5, -7.5);
    assertElements(a.sub(0.5), 5.5, -8.5);
    assertElements(a.mul(0.5), 3, -4);
    assertElements(a.div(0.5), 12, -16);
    assertElements(a.pow(2), 36, 64);
    assertElements(a.clamp(-1, 3), 3, -1);
  }

  @Test
  void numbersMakeIntegersFloat() {
    Tensor sum = scope.tensor(new long[] {1, 2}).add(0.5);
    assertEquals(DType.FLOAT32, sum.dtype());
    assertElements(sum, 1.5, 2.5);
  }

  static Stream<Arguments> functions() {
    return Stream.of(
        function("neg", Tensor::neg, x -> -x),
        function("exp", Tensor::exp, Math::exp),
        function("log", Tensor::log, Math::log),
        function("sqrt", Tensor::sqrt, Math::sqrt),
        function("abs", Tensor::abs, Math::abs),
        function("relu", Tensor::relu, x -> Math.max(x, 0)),
        function("tanh", Tensor::tanh, Math::tanh),
        function("sigmoid", Tensor::sigmoid, x -> 1 / (1 + Math.exp(-x))));
  }

  private static Arguments function(
      String name, UnaryOperator<Tensor> operation, Function<Double, Double> expected) {
    return Arguments.of(name, operation, expected);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("functions")
  void functionsOfEachElement(
      String name, UnaryOperator<Tensor> operation, Function<Double, Double> expected) {
    double[] values = {-1.5, 0.25, 2};
    double[] wanted = Stream.of(-1.5, 0.25, 2.0).map(expected).mapToDouble(x -> x).toArray();
    assertElements(operation.apply(vector(values)), wanted);
  }

  @Test
  void geluUsesTheExactDistribution() {
    assertElements(vector(1, 0).gelu(), 0.841344746068543, 0);
  }

  @Test
  void comparisons() {
    Tensor a = vector(1, 2, 3);
    Tensor b = vector(3, 2, 1);
    assertElements(a.eq(b), 0, 1, 0);
    assertElements(a.lt(b), 1, 0, 0);
    assertElements(a.gt(b), 0, 0, 1);
    assertElements(a.eq(3), 0, 0, 1);
    assertElements(a.lt(3), 1, 1, 0);
    assertElements(a.gt(1), 0, 1, 1);
    assertEquals(DType.BOOL, a.eq(b).dtype());
    assertElements(Tensor.where(a.gt(b), a, b), 3, 2, 3);
  }

  @Test
  void shapesAndSlices() {
    Tensor m = matrix();
    assertElements(m.transpose(0, 1), 1, 4, -2, 5, 3, -6);
    assertShape(m.transpose(0, -1), 3, 2);
    assertShape(m.reshape(3, -1), 3, 2);
    assertShape(m.unsqueeze(1), 2, 1, 3);
    assertShape(m.unsqueeze(1).squeeze(1), 2, 3);
    assertShape(m.squeeze(0), 2, 3);
    assertShape(m.unsqueeze(0).flatten(1, -1), 1, 6);
    assertElements(m.select(0, -1), 4, 5, -6);
    assertElements(m.narrow(1, 1, 2), -2, 3, 5, -6);
    assertElements(m.indexSelect(1, scope.tensor(new long[] {2, 0})), 3, 1, -6, 4);
    assertElements(m.gather(1, scope.tensor(new long[] {1, 2}, 2, 1)), -2, -6);
    assertElements(Tensor.cat(List.of(m, m), 0).select(0, 3), 4, 5, -6);
    assertShape(Tensor.stack(List.of(m, m, m), -1), 2, 3, 3);
  }

  @Test
  void sharedMemoryIsShared() {
    Tensor m = matrix();
    Tensor row = m.select(0, 0);
    row.copyFrom(vector(7));
    assertElements(m, 7, 7, 7, 4, 5, -6);
    Tensor copy = m.copy();
    copy.copyFrom(vector(0));
    assertElements(m, 7, 7, 7, 4, 5, -6);
  }

  @Test
  void reductions() {
    Tensor m = matrix();
    assertElements(m.sum(), 5);
    assertElements(m.sum(false, 0), 5, 3, -3);
    assertShape(m.sum(true, 0, 1), 1, 1);
    assertElements(m.mean(false, 1), 2.0 / 3, 1);
    assertElements(m.mean(), 5.0 / 6);
    assertElements(m.max(), 5);
    assertElements(m.amax(false, 0), 4, 5, 3);
    assertArrayEquals(new long[] {2, 1}, m.argmax(1).toLongArray());
    assertElements(m.norm(), Math.sqrt(91));
    assertElements(vector(3, 4).normalize(0), 0.6, 0.8);
    assertElements(vector(0, 0).normalize(0), 0, 0);
    assertElements(m.matmul(vector(1, 1, 1).unsqueeze(1)), 2, 3);
  }

  @Test
  void losses() {
    Tensor logits = scope.tensor(new double[] {1, 2, 3, 3, 2, 1}, 2, 3);
    double log = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
    assertElements(logits.crossEntropy(scope.tensor(new long[] {2, 2})), log - 2);
    assertElements(logits.crossEntropy(scope.tensor(new long[] {0, -100})), log - 1);
    assertElements(logits.logSoftmax(1).select(0, 0), 1 - log, 2 - log, 3 - log);
    assertElements(logits.softmax(-1).sum(false, 1), 1, 1);
    Tensor x = vector(1, 4);
    assertElements(x.mse(vector(0, 1)), 5);
    assertElements(x.l1(vector(0, 1)), 2);
    assertElements(
        vector(0, 2).binaryCrossEntropyWithLogits(vector(1, 0)),
        (Math.log(2) + Math.log1p(Math.exp(2))) / 2);
    assertElements(vector(1, 0).cosineSimilarity(vector(1, 1), 0), Math.sqrt(0.5));
  }

  @Test
  void gradientsReachTheLeaves() {
    Tensor w = vector(1, 2).requireGrad(true);
    Tensor x = vector(3, -4);
    Tensor loss = w.mul(w).mul(x).sum();
    assertTrue(loss.requiresGrad());
    assertFalse(x.requiresGrad());
    assertTrue(w.grad().isEmpty());
    loss.backward();
    assertElements(w.grad().orElseThrow(), 6, -16);
    assertTrue(x.grad().isEmpty());
  }

  @Test
  void gradientsAddUp() {
    Tensor w = vector(1, 2).requireGrad(true);
    w.sum().backward();
    w.mul(10).sum().backward();
    assertElements(w.grad().orElseThrow(), 11, 11);
  }

  @Test
  void gradientsOfManyNumbersNeedTheirOwn() {
    Tensor w = vector(1, 2).requireGrad(true);
    Tensor squares = w.mul(w);
    assertThrows(OFTArgumentException.class, squares::backward);
    squares.backward(vector(1, 10), true);
    squares.backward(vector(1, 10), false);
    assertElements(w.grad().orElseThrow(), 4, 80);
    assertThrows(OFTStateException.class, () -> squares.backward(vector(1, 1), false));
  }

  @Test
  void conversionsCarryGradients() {
    Tensor w = scope.tensor(new float[] {1, 2}).requireGrad(true);
    w.to(DType.FLOAT64).mul(3).sum().backward();
    Tensor gradient = w.grad().orElseThrow();
    assertEquals(DType.FLOAT32, gradient.dtype());
    assertElements(gradient, 3, 3);
  }

  @Test
  void nothingIsRecordedBehindDetach() {
    Tensor w = vector(1, 2).requireGrad(true);
    assertFalse(w.detach().mul(2).requiresGrad());
    var thrown = assertThrows(OFTStateException.class, () -> w.detach().sum().backward());
    assertFalse(thrown.getMessage().isEmpty());
  }

  @Test
  void onlyFloatingPointLeavesRecord() {
    assertThrows(OFTArgumentException.class, () -> scope.tensor(new long[] {1}).requireGrad(true));
    Tensor made = vector(1).requireGrad(true).mul(2);
    assertThrows(OFTStateException.class, () -> made.requireGrad(false));
  }

  @Test
  void copyFromWritesLeavesWithoutARecord() {
    Tensor w = vector(1, 2).requireGrad(true);
    w.copyFrom(vector(5, 6).requireGrad(true));
    assertElements(w, 5, 6);
    w.mul(w).sum().backward();
    assertElements(w.grad().orElseThrow(), 10, 12);
    assertThrows(OFTArgumentException.class, () -> w.copyFrom(vector(1, 2, 3)));
  }

  @Test
  void elementsWithGapsAreReadInOrder() {
    Tensor column = matrix().select(1, 1);
    assertElements(column, -2, 5);
    assertArrayEquals(new float[] {-2, 5}, column.toFloatArray());
    var thrown = assertThrows(OFTUnsupportedException.class, column::segment);
    assertTrue(thrown.getMessage().contains("contiguous()"), thrown.getMessage());
    assertEquals(16, column.contiguous().segment().byteSize());
  }

  @Test
  void recordedElementsAreRead() {
    Tensor made = vector(1, 2).requireGrad(true).mul(2);
    assertElements(made, 2, 4);
    assertEquals(16, made.segment().byteSize());
    assertEquals(6, made.sum().item());
  }

  @Test
  void itemNeedsOneElement() {
    Tensor number = scope.tensor(new float[] {2.5f}, 1, 1);
    for (DType dtype : DType.values()) {
      double expected =
          switch (dtype) {
            case FLOAT32, FLOAT64, FLOAT16, BFLOAT16 -> 2.5;
            case INT64, INT32, UINT8 -> 2;
            case BOOL -> 1;
          };
      assertEquals(expected, number.to(dtype).item(), dtype.torchName());
    }
    Tensor last = vector(1, 2).select(0, 1);
    assertEquals(2, last.item());
    var thrown = assertThrows(OFTArgumentException.class, () -> vector(1, 2).item());
    assertEquals("Tensor(float64, [2]) has 2 elements: item() needs one", thrown.getMessage());
  }

  @Test
  void devicesAreKnownAndUnknown() {
    Tensor x = vector(1, 2);
    assertEquals(Device.cpu(), x.device());
    assertElements(x.to(Device.cpu()), 1, 2);
    assertThrows(OFTException.class, () -> x.to(new Device("toaster", -1)));
  }

  @Test
  void resultsJoinTheYoungestScope() {
    Tensor old = vector(1, 2);
    try (var step = scope.child();
        var inner = step.child()) {
      Tensor young = inner.tensor(new double[] {3, 4});
      assertSame(inner, old.add(young).scope());
      assertSame(inner, young.add(old).scope());
      assertSame(inner, Tensor.cat(List.of(old, young), 0).scope());
      assertSame(scope, old.neg().scope());
      assertSame(step, old.in(step).neg().scope());
    }
  }

  @Test
  void inAnotherScopeItIsTheSameTensor() {
    Tensor w = vector(1, 2).requireGrad(true);
    try (var step = scope.child()) {
      Tensor alias = w.in(step);
      alias.mul(3).sum().backward();
      assertSame(step, alias.grad().orElseThrow().scope());
    }
    assertElements(w.grad().orElseThrow(), 3, 3);
  }

  @Test
  void closedOperandsThrow() {
    Tensor closed;
    try (var step = scope.child()) {
      closed = step.tensor(new double[] {1});
    }
    Tensor open = vector(1);
    assertThrows(OFTStateException.class, () -> open.add(closed));
    assertThrows(OFTStateException.class, () -> closed.add(open));
    assertThrows(OFTStateException.class, closed::backward);
    assertThrows(OFTStateException.class, closed::grad);
    assertThrows(OFTStateException.class, () -> closed.in(scope));
  }

  @Test
  void shapesThatDoNotFitAreNamed() {
    var thrown = assertThrows(OFTArgumentException.class, () -> vector(1, 2).add(vector(1, 2, 3)));
    assertTrue(thrown.getMessage().contains("aten::add"), thrown.getMessage());
    assertThrows(OFTArgumentException.class, () -> matrix().select(0, 2));
  }

  @Test
  void matricesOfRows() {
    Tensor floats = scope.tensor(new float[][] {{1, 2, 3}, {4, 5, 6}});
    assertShape(floats, 2, 3);
    assertElements(floats, 1, 2, 3, 4, 5, 6);
    Tensor longs = scope.tensor(new long[][] {{1, 2}, {3, 4}});
    assertEquals(DType.INT64, longs.dtype());
    assertElements(longs, 1, 2, 3, 4);
    assertShape(scope.tensor(new float[0][]), 0, 0);
    assertShape(scope.tensor(new float[] {1, 2, 3}), 3);
    var thrown =
        assertThrows(OFTArgumentException.class, () -> scope.tensor(new long[][] {{1, 2}, {3}}));
    assertEquals("row 1 has 1 elements, row 0 has 2: pad the shorter", thrown.getMessage());
  }
}
