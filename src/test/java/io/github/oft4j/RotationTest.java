package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class RotationTest {
  private static final int FEATURES = 12;
  private static final int BLOCK_SIZE = 4;
  private static final int BLOCKS = 3;
  private static final OFTConfig EXACT = OFTConfig.builder().oftBlockSize(BLOCK_SIZE).build();

  private final Random random = new Random(1);

  private Tensor normal(OFTScope scope, double deviation, long... shape) {
    int size = 1;
    for (long s : shape) {
      size *= (int) s;
    }
    double[] data = random.doubles(size, -deviation, deviation).toArray();
    return Tensor.of(scope, data, shape);
  }

  private Rotation rotation(OFTScope scope, OFTConfig config) {
    return Rotation.of(scope, normal(scope, 0.2, BLOCKS, 6), FEATURES, config);
  }

  @Test
  void tellsWhatItIs() {
    var config =
        OFTConfig.builder()
            .oftBlockSize(BLOCK_SIZE)
            .useCayleyNeumann(true)
            .numCayleyNeumannTerms(6)
            .coft(true)
            .eps(0.5)
            .build();
    try (var scope = OFTScope.open()) {
      Rotation rotation = rotation(scope, config);
      assertEquals(FEATURES, rotation.features());
      assertEquals(BLOCK_SIZE, rotation.blockSize());
      assertEquals(BLOCKS, rotation.blocks());
      assertEquals(
          new RotationSpec(Formula.CAYLEY_NEUMANN, 6, false, OptionalDouble.of(0.5)),
          rotation.spec());
      assertEquals(
          new RotationSpec(Formula.CAYLEY, 5, false, OptionalDouble.empty()),
          rotation(scope, EXACT).spec());
    }
  }

  @Test
  void theExactFormulaIsOrthogonalAndItsInverseTheTranspose() {
    try (var scope = OFTScope.open()) {
      Rotation rotation = rotation(scope, EXACT);
      assertTrue(rotation.orthogonalityError(DType.FLOAT64) < 1e-14);
      double[] matrices = rotation.matrices(DType.FLOAT64).toDoubleArray();
      double[] inverse = rotation.inverse(DType.FLOAT64).toDoubleArray();
      for (int block = 0; block < BLOCKS; block++) {
        for (int i = 0; i < BLOCK_SIZE; i++) {
          for (int j = 0; j < BLOCK_SIZE; j++) {
            int start = block * BLOCK_SIZE * BLOCK_SIZE;
            assertEquals(
                matrices[start + i * BLOCK_SIZE + j], inverse[start + j * BLOCK_SIZE + i], 1e-14);
          }
        }
      }
    }
  }

  @Test
  void anglesOfOnePlaneAreThoseOfTheFormula() {
    try (var scope = OFTScope.open()) {
      Tensor q = Tensor.of(scope, new double[] {0.3}, 1, 1);
      Rotation rotation = Rotation.of(scope, q, 2, OFTConfig.builder().oftBlockSize(2).build());
      Tensor angles = rotation.angles();
      assertArrayEquals(new long[] {1, 1}, angles.shape());
      assertEquals(2 * Math.atan(0.3), angles.toDoubleArray()[0], 1e-7);
    }
  }

  @Test
  void qIsGivenBackWithoutACopy() {
    try (var scope = OFTScope.open()) {
      Tensor q = normal(scope, 0.2, BLOCKS, 6);
      Rotation rotation = Rotation.of(scope, q, FEATURES, EXACT);
      assertEquals(q.segment().address(), rotation.q().segment().address());
      assertArrayEquals(q.toDoubleArray(), rotation.q().toDoubleArray());
    }
  }

  @Test
  void unmergeUndoesMergeOfSeveralRotations() {
    try (var scope = OFTScope.open()) {
      var neumann = OFTConfig.builder().oftBlockSize(BLOCK_SIZE).useCayleyNeumann(true).build();
      List<Rotation> rotations = List.of(rotation(scope, EXACT), rotation(scope, neumann));
      Tensor weight = normal(scope, 1, 5, FEATURES);
      Tensor merged = Rotation.merge(rotations, weight, LayerKind.LINEAR, true);
      Tensor unmerged = Rotation.unmerge(rotations, merged, LayerKind.LINEAR);
      assertArrayEquals(weight.toDoubleArray(), unmerged.toDoubleArray(), 1e-12);
    }
  }

  @Test
  void aResultJoinsTheYoungestScopeOfItsOperands() {
    try (var scope = OFTScope.open();
        var step = scope.child()) {
      Rotation rotation = rotation(scope, EXACT);
      Tensor weight = normal(step, 1, 2, FEATURES);
      assertSame(step, rotation.merge(weight, LayerKind.LINEAR).scope());
      assertSame(step, rotation.unmerge(weight, LayerKind.LINEAR).scope());
      assertSame(step, rotation.apply(weight).scope());
      assertSame(scope, rotation.matrices(DType.FLOAT32).scope());
    }
  }

  @Test
  void badArgumentsAreNamed() {
    try (var scope = OFTScope.open()) {
      Rotation rotation = rotation(scope, EXACT);
      var wrongFeatures =
          assertThrows(
              OFTArgumentException.class,
              () -> Rotation.of(scope, normal(scope, 1, BLOCKS, 6), 13, EXACT));
      assertTrue(wrongFeatures.getMessage().contains("13"), wrongFeatures.getMessage());
      assertThrows(OFTArgumentException.class, () -> rotation.matrices(DType.INT64));
      assertThrows(
          OFTArgumentException.class, () -> rotation.apply(normal(scope, 1, 2, FEATURES + 1)));
      assertThrows(
          OFTArgumentException.class,
          () -> rotation.merge(normal(scope, 1, 2, FEATURES), LayerKind.OTHER));
    }
  }

  @Test
  void safeRefusesResultsThatAreNotFinite() {
    try (var scope = OFTScope.open()) {
      Rotation rotation = rotation(scope, EXACT);
      double[] data = new double[FEATURES];
      data[3] = Double.NaN;
      Tensor weight = Tensor.of(scope, data, 1, FEATURES);
      assertThrows(
          OFTArgumentException.class,
          () -> Rotation.merge(List.of(rotation), weight, LayerKind.LINEAR, true));
      double[] merged = rotation.merge(weight, LayerKind.LINEAR).toDoubleArray();
      assertTrue(Double.isNaN(merged[0]));
    }
  }

  @Test
  void aSingularBlockHasNoInverse() {
    try (var scope = OFTScope.open()) {
      Tensor q = Tensor.of(scope, new double[] {1}, 1, 1);
      var neumann = OFTConfig.builder().oftBlockSize(2).useCayleyNeumann(true).build();
      Rotation rotation = Rotation.of(scope, q, 2, neumann);
      assertThrows(OFTArgumentException.class, () -> rotation.inverse(DType.FLOAT64));
    }
  }

  @Test
  void aClosedRotationThrowsAndIsNamed() {
    Rotation rotation;
    try (var scope = OFTScope.open()) {
      rotation = rotation(scope, EXACT);
    }
    var thrown = assertThrows(OFTStateException.class, rotation::blockSize);
    assertTrue(
        thrown.getMessage().startsWith("Rotation of 12 features is closed"), thrown.getMessage());
  }
}
