package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(LeakCheck.class)
class TensorTest {
  @Test
  void sizesAreCountedFromBothEnds() {
    try (var scope = OFTScope.open()) {
      Tensor tensor = Tensor.zeros(scope, DType.FLOAT32, 2, 3);
      assertEquals(2, tensor.dim());
      assertEquals(3, tensor.size(1));
      assertEquals(2, tensor.size(-2));
      var thrown = assertThrows(OFTArgumentException.class, () -> tensor.size(2));
      assertEquals(
          "Tensor(float32, [2, 3]) has no dimension 2: there are 2, from 0 or from -1",
          thrown.getMessage());
      assertThrows(OFTArgumentException.class, () -> tensor.size(-3));
      assertEquals(0, Tensor.zeros(scope, DType.FLOAT32).dim());
    }
  }

  @Test
  void arraysRoundTrip() {
    try (var scope = OFTScope.open()) {
      float[] floats = {1, -2.5f, Float.NaN, Float.MIN_VALUE, Float.POSITIVE_INFINITY, 0};
      Tensor tensor = Tensor.of(scope, floats, 2, 3);
      assertEquals(DType.FLOAT32, tensor.dtype());
      assertArrayEquals(new long[] {2, 3}, tensor.shape());
      assertEquals(6, tensor.numel());
      assertArrayEquals(floats, tensor.toFloatArray());

      double[] doubles = {Math.PI, -0.0, 1e300};
      assertArrayEquals(doubles, Tensor.of(scope, doubles, 3).toDoubleArray());

      long[] longs = {Long.MIN_VALUE, 0, Long.MAX_VALUE, 7};
      assertArrayEquals(longs, Tensor.of(scope, longs, 2, 2, 1).toLongArray());

      byte[] bytes = {0, 1, (byte) 255};
      assertArrayEquals(new long[] {0, 1, 255}, Tensor.of(scope, bytes, 3).toLongArray());
    }
  }

  @Test
  void scalarsAndEmptyTensorsHaveTheirShape() {
    try (var scope = OFTScope.open()) {
      Tensor scalar = Tensor.of(scope, new float[] {3});
      assertArrayEquals(new long[0], scalar.shape());
      assertArrayEquals(new float[] {3}, scalar.toFloatArray());

      Tensor empty = Tensor.of(scope, new float[0], 4, 0);
      assertArrayEquals(new long[] {4, 0}, empty.shape());
      assertEquals(0, empty.toFloatArray().length);
      assertEquals(0, empty.segment().byteSize());
    }
  }

  @Test
  void tensorsOfManyDimensionsKeepThem() {
    try (var scope = OFTScope.open()) {
      long[] shape = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
      assertArrayEquals(shape, Tensor.zeros(scope, DType.UINT8, shape).shape());
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void conversionReachesEveryType(DType dtype) {
    try (var scope = OFTScope.open()) {
      Tensor converted = Tensor.of(scope, new float[] {0, 1, 1}, 3).to(dtype);
      assertEquals(dtype, converted.dtype());
      assertEquals(3L * dtype.byteSize(), converted.segment().byteSize());
      assertArrayEquals(new double[] {0, 1, 1}, converted.toDoubleArray());
    }
  }

  @Test
  void conversionRoundsOnce() {
    try (var scope = OFTScope.open()) {
      float third = 1f / 3;
      Tensor half = Tensor.of(scope, new float[] {third}, 1).to(DType.FLOAT16);
      assertEquals(Float.floatToFloat16(third), half.segment().get(ValueLayout.JAVA_SHORT, 0));
      assertEquals(Float.float16ToFloat(Float.floatToFloat16(third)), half.toFloatArray()[0]);
    }
  }

  @Test
  void segmentIsTheMemoryOfTheTensor() {
    try (var scope = OFTScope.open()) {
      Tensor tensor = Tensor.zeros(scope, DType.FLOAT32, 2, 2);
      tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 3, 5f);
      assertSame(tensor.segment(), tensor.segment());
      assertArrayEquals(new float[] {0, 0, 0, 5}, tensor.toFloatArray());
    }
  }

  @Test
  void segmentDiesWithTheScope() {
    MemorySegment segment;
    try (var scope = OFTScope.open()) {
      segment = Tensor.of(scope, new float[] {1}, 1).segment();
      assertEquals(1f, segment.get(ValueLayout.JAVA_FLOAT, 0));
    }
    assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_FLOAT, 0));
  }

  @Test
  void segmentFollowsTheTensorToItsNewScope() {
    try (var outer = OFTScope.open()) {
      Tensor tensor;
      MemorySegment before;
      try (var inner = outer.child()) {
        tensor = Tensor.of(inner, new float[] {7}, 1);
        before = tensor.segment();
        tensor.moveTo(outer);
        assertSame(outer, tensor.scope());
        assertEquals(before.address(), tensor.segment().address());
      }
      assertThrows(IllegalStateException.class, () -> before.get(ValueLayout.JAVA_FLOAT, 0));
      assertEquals(7f, tensor.segment().get(ValueLayout.JAVA_FLOAT, 0));
      assertArrayEquals(new float[] {7}, tensor.toFloatArray());
    }
  }

  @Test
  void wrappedMemoryIsNotCopied() {
    try (var arena = Arena.ofConfined();
        var scope = OFTScope.open()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3);
      Tensor tensor = Tensor.wrap(scope, memory, DType.FLOAT32, 3);
      assertEquals(memory.address(), tensor.segment().address());
      assertArrayEquals(new float[] {1, 2, 3}, tensor.toFloatArray());
    }
  }

  @Test
  void wrappedMemoryOfTheGarbageCollectorIsKept() {
    try (var scope = OFTScope.open()) {
      Rotation rotation;
      try (var inner = scope.child()) {
        MemorySegment memory = Arena.ofAuto().allocate(8 * 28 * 4L, 4);
        memory.fill((byte) 0);
        Tensor q = Tensor.wrap(inner, memory, DType.FLOAT32, 8, 28);
        rotation = Rotation.of(scope, q, 64, OFTConfig.builder().build());
      }
      for (int i = 0; i < 3; i++) {
        System.gc();
        Arena.ofAuto().allocate(8 * 28 * 4L, 4).fill((byte) 1);
      }
      float[] zeros = new float[8 * 28];
      assertArrayEquals(zeros, rotation.q().toFloatArray());
    }
  }

  @Test
  void shapeMustFitTheArray() {
    try (var scope = OFTScope.open()) {
      var thrown =
          assertThrows(OFTArgumentException.class, () -> Tensor.of(scope, new float[5], 2, 3));
      assertEquals(
          "an array of 5 elements cannot fill Tensor(float32, [2, 3])", thrown.getMessage());
      assertThrows(
          OFTArgumentException.class,
          () -> Tensor.of(scope, new float[6], Long.MAX_VALUE, Long.MAX_VALUE));
      assertThrows(OFTArgumentException.class, () -> Tensor.of(scope, new float[6], -2, -3));
      assertThrows(OFTArgumentException.class, () -> Tensor.zeros(scope, DType.BOOL, -1));
    }
  }

  @Test
  void memoryThatNoMachineHasIsRefused() {
    try (var scope = OFTScope.open()) {
      assertThrows(OFTMemoryException.class, () -> Tensor.zeros(scope, DType.FLOAT64, 1L << 50));
    }
  }

  @Test
  void wrappedMemoryMustFitBeNativeAndAlive() {
    try (var scope = OFTScope.open()) {
      MemorySegment closed;
      try (var arena = Arena.ofConfined()) {
        closed = arena.allocate(16);
        assertThrows(
            OFTArgumentException.class, () -> Tensor.wrap(scope, closed, DType.FLOAT32, 3));
      }
      assertThrows(OFTArgumentException.class, () -> Tensor.wrap(scope, closed, DType.FLOAT32, 4));
      MemorySegment onHeap = MemorySegment.ofArray(new float[4]);
      var thrown =
          assertThrows(
              OFTArgumentException.class, () -> Tensor.wrap(scope, onHeap, DType.FLOAT32, 4));
      assertTrue(thrown.getMessage().contains("Arena"), thrown.getMessage());
    }
  }

  @Test
  void aClosedTensorThrowsAndIsNamed() {
    Tensor tensor;
    try (var scope = OFTScope.open()) {
      tensor = Tensor.of(scope, new float[] {1}, 1);
    }
    var thrown = assertThrows(OFTStateException.class, tensor::toFloatArray);
    assertTrue(
        thrown.getMessage().startsWith("Tensor(float32, [1]) is closed"), thrown.getMessage());
    assertThrows(OFTStateException.class, tensor::segment);
    assertThrows(OFTStateException.class, () -> tensor.to(DType.FLOAT64));
    assertArrayEquals(new long[] {1}, tensor.shape());
  }

  @Test
  void movingOutOfAClosedScopeThrows() {
    try (var target = OFTScope.open()) {
      Tensor tensor;
      try (var source = OFTScope.open()) {
        tensor = Tensor.of(source, new float[] {1}, 1);
      }
      assertThrows(OFTStateException.class, () -> tensor.moveTo(target));
    }
  }
}
