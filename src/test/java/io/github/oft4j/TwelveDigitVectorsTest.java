package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Small cases that PEFT computed in float64, to twelve decimals. */
@ExtendWith(LeakCheck.class)
class TwelveDigitVectorsTest {
  private static final double TOLERANCE = 1e-12;

  static Stream<Named<JsonNode>> vectors() {
    return TestData.json(TestData.VECTORS)
        .get("vectors")
        .valueStream()
        .map(vector -> Named.of(vector.get("name").textValue(), vector));
  }

  @ParameterizedTest
  @MethodSource("vectors")
  void rotationAndMerge(JsonNode vector) {
    try (var scope = OFTScope.open()) {
      Tensor weight = TestData.tensor(scope, vector.get("weight"));
      LayerKind kind = kind(vector);
      long features = weight.numel() / weight.shape()[0];
      List<Rotation> rotations = new ArrayList<>();
      for (JsonNode adapter : vector.get("adapters")) {
        Tensor q = TestData.tensor(scope, adapter.get("q"));
        Rotation rotation = Rotation.of(scope, q, features, config(adapter));
        assertClose(adapter.get("R"), rotation.matrices(DType.FLOAT64));
        assertEquals(adapter.get("block_size").longValue(), rotation.blockSize());
        rotations.add(rotation);
      }
      assertClose(vector.get("merged"), Rotation.merge(rotations, weight, kind, true));
      if (vector.has("xR")) {
        Tensor x = TestData.tensor(scope, vector.get("x"));
        for (Rotation rotation : rotations) {
          x = rotation.apply(x);
        }
        assertClose(vector.get("xR"), x);
      }
    }
  }

  private static OFTConfig config(JsonNode adapter) {
    String formula = adapter.get("formula").textValue();
    var config =
        io.github.oft4j.internal.Json.object()
            .put("use_cayley_neumann", !formula.equals("cayley"))
            .put("num_cayley_neumann_terms", adapter.get("terms").intValue())
            .put("oft_block_size", adapter.get("block_size").intValue())
            .put("block_share", adapter.get("block_share").booleanValue())
            .put("coft", adapter.get("coft").booleanValue())
            .put("eps", adapter.get("eps").doubleValue());
    if (formula.equals("cayley_neumann_0.17")) {
      config.put("peft_version", "0.17.1");
    }
    return OFTConfig.parse(config.toString());
  }

  private static LayerKind kind(JsonNode vector) {
    return switch (vector.get("kind").textValue()) {
      case "linear" -> LayerKind.LINEAR;
      case "embedding" -> LayerKind.EMBEDDING;
      case "conv2d" -> LayerKind.CONV_2D;
      case String other -> throw new AssertionError(other);
    };
  }

  private static void assertClose(JsonNode expected, Tensor actual) {
    assertArrayEquals(TestData.shape(expected), actual.shape());
    assertArrayEquals(TestData.numbers(expected), actual.toDoubleArray(), TOLERANCE);
  }
}
