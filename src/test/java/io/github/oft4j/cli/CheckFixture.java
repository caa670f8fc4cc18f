package io.github.oft4j.cli;

import io.github.oft4j.CheckReport;
import io.github.oft4j.CheckedLayer;
import io.github.oft4j.LayerKind;
import io.github.oft4j.Side;
import java.util.List;
import java.util.stream.IntStream;

/** Results of checks, for those who show them. */
final class CheckFixture {
  private CheckFixture() {}

  /** A Linear of 64 × 64 with two blocks, nearly orthogonal, whose energy is kept. */
  static CheckedLayer layer(String name, double largestAngle) {
    return layer(name, 1e-7, List.of(largestAngle / 2, largestAngle), 0.7, 0.7);
  }

  static CheckedLayer layer(
      String name,
      double orthogonalityError,
      List<Double> blockAngles,
      double energyBefore,
      double energyAfter) {
    double mean = blockAngles.stream().mapToDouble(angle -> angle / 2).average().orElse(0);
    return new CheckedLayer(
        name,
        "",
        LayerKind.LINEAR,
        List.of(64L, 64L),
        Side.INPUT,
        1,
        32,
        blockAngles.size(),
        orthogonalityError,
        blockAngles,
        mean,
        energyBefore,
        energyAfter);
  }

  /** The same layer in a component of a pipeline. */
  static CheckedLayer in(String component, CheckedLayer layer) {
    return copy(layer, component, layer.side(), layer.factors());
  }

  /** The same layer, turned in another way. */
  static CheckedLayer turned(CheckedLayer layer, Side side, long factors) {
    return copy(layer, layer.component(), side, factors);
  }

  private static CheckedLayer copy(CheckedLayer layer, String component, Side side, long factors) {
    return new CheckedLayer(
        layer.name(),
        component,
        layer.kind(),
        layer.shape(),
        side,
        factors,
        layer.blockSize(),
        layer.blocks(),
        layer.orthogonalityError(),
        layer.blockAngles(),
        layer.meanAngle(),
        layer.energyBefore(),
        layer.energyAfter());
  }

  /** Layers of ever larger angles. */
  static List<CheckedLayer> layers(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> layer("model.layers." + i + ".q_proj", 0.2 + i * 1e-3))
        .toList();
  }

  static CheckReport report(List<CheckedLayer> layers) {
    return report(layers, List.of(), List.of());
  }

  static CheckReport report(
      List<CheckedLayer> layers, List<String> problems, List<String> warnings) {
    return new CheckReport(
        "PEFT 0.21.0", layers, List.of(), List.of(), List.of(), problems, warnings, "{}");
  }
}
