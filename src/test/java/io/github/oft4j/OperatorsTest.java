package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class OperatorsTest {
  @Test
  void operatorsAreCalledByName() {
    try (var scope = OFTScope.open()) {
      Tensor x = scope.tensor(new float[] {1, 2, 3, 4});
      var glu = (Tensor) Operators.call("aten::glu", x, 0);
      float sigmoid3 = (float) (1 / (1 + Math.exp(-3)));
      assertEquals(sigmoid3, glu.toFloatArray()[0], 1e-6f);
      assertSame(scope, glu.scope());
    }
  }

  @Test
  void severalResultsComeAsATuple() {
    try (var scope = OFTScope.open()) {
      Tensor x = scope.tensor(new float[] {1, 5, 3});
      var top =
          assertInstanceOf(
              Tuple.class, Operators.call("aten::topk", List.of(x, 2), Map.of("largest", false)));
      assertEquals(2, top.size());
      assertArrayEquals(new float[] {1, 3}, ((Tensor) top.get(0)).toFloatArray());
      assertArrayEquals(new long[] {0, 2}, ((Tensor) top.get(1)).toLongArray());
    }
  }

  @Test
  void listsAndNumbersComeBack() {
    try (var scope = OFTScope.open()) {
      Tensor x = scope.tensor(new float[] {1, 2, 3, 4, 5}, 5);
      var chunks = assertInstanceOf(List.class, Operators.call("aten::split.Tensor", x, 2));
      assertEquals(3, chunks.size());
      assertArrayEquals(new float[] {5}, ((Tensor) chunks.get(2)).toFloatArray());
      assertEquals(5L, Operators.call("aten::size.int", x, 0));
      assertEquals(true, Operators.call("aten::equal", x, x));
      assertEquals(5.0, Operators.call("aten::item", x.max()));
    }
  }

  @Test
  void typesAndDevicesAreOperands() {
    try (var scope = OFTScope.open()) {
      var zeros =
          (Tensor)
              Operators.call(
                  scope,
                  "aten::zeros",
                  List.of(new int[] {2, 3}),
                  Map.of("dtype", DType.BFLOAT16, "device", Device.cpu()));
      assertEquals(DType.BFLOAT16, zeros.dtype());
      assertArrayEquals(new long[] {2, 3}, zeros.shape());
      assertSame(scope, zeros.scope());
    }
  }

  @Test
  void aYoungerOperandWins() {
    try (var scope = OFTScope.open();
        var step = scope.child()) {
      Tensor x = step.tensor(new float[] {1});
      var sum = (Tensor) Operators.call(scope, "aten::add", List.of(x, 2), Map.of());
      assertSame(step, sum.scope());
      assertArrayEquals(new float[] {3}, sum.toFloatArray());
    }
  }

  @Test
  void absentOperandsAreNull() {
    try (var scope = OFTScope.open()) {
      Tensor x = scope.tensor(new float[] {-1, 2});
      var clamped = (Tensor) Operators.call("aten::clamp", x, null, 1);
      assertArrayEquals(new float[] {-1, 1}, clamped.toFloatArray());
      assertNull(Operators.call("aten::_assert_async", x.gt(-2).select(0, 0)));
    }
  }

  @Test
  void withoutATensorAScopeIsNeeded() {
    var thrown =
        assertThrows(OFTArgumentException.class, () -> Operators.call("aten::ones", List.of(2)));
    assertTrue(thrown.getMessage().contains("scope"), thrown.getMessage());
  }

  @Test
  void unknownOperatorsAreNamedWithTheNearest() {
    try (var scope = OFTScope.open()) {
      Tensor x = scope.tensor(new float[] {1});
      var thrown =
          assertThrows(OFTNotFoundException.class, () -> Operators.call("aten::sofmax", x, 0));
      assertTrue(thrown.getMessage().contains("aten::softmax"), thrown.getMessage());
    }
  }

  @Test
  void operandsThatDoNotFitAreRefused() {
    try (var scope = OFTScope.open()) {
      Tensor x = scope.tensor(new float[] {1});
      assertThrows(OFTArgumentException.class, () -> Operators.call("aten::softmax", x, "zero"));
      assertThrows(OFTArgumentException.class, () -> Operators.call("aten::tanh", x, x, x));
      var thrown =
          assertThrows(
              OFTArgumentException.class, () -> Operators.call("aten::add", x, new Date(0)));
      assertTrue(thrown.getMessage().contains("java.util.Date"), thrown.getMessage());
    }
  }

  @Test
  void wrappedMemoryStaysAsLongAsResultsThatShareIt() {
    try (var scope = OFTScope.open()) {
      Tensor view;
      try (var inner = scope.child()) {
        MemorySegment memory = Arena.ofAuto().allocate(1 << 16, 4).fill((byte) 0);
        Tensor x = Tensor.wrap(inner, memory, DType.FLOAT32, 1 << 14);
        view = x.in(scope).reshape(128, 128);
      }
      for (int i = 0; i < 3; i++) {
        System.gc();
        Arena.ofAuto().allocate(1 << 16, 4).fill((byte) 1);
      }
      assertArrayEquals(new float[1 << 14], view.toFloatArray());
    }
  }
}
