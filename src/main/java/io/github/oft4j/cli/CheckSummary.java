package io.github.oft4j.cli;

import io.github.oft4j.CheckReport;
import io.github.oft4j.CheckedLayer;
import java.util.List;
import java.util.Locale;

/**
 * The figures that sum up the layers of a check; zeros where there are none.
 *
 * @param blocks of all layers
 * @param largestAngle in radians
 * @param meanAngle over all planes of all layers, in radians
 * @param orthogonalityError the worst
 * @param energyChange the largest, as a share of the energy before
 */
record CheckSummary(
    int layers,
    long blocks,
    double largestAngle,
    double meanAngle,
    double orthogonalityError,
    double energyChange) {

  static CheckSummary of(List<CheckedLayer> layers) {
    long planes = layers.stream().mapToLong(CheckSummary::planes).sum();
    double angles = layers.stream().mapToDouble(one -> one.meanAngle() * planes(one)).sum();
    return new CheckSummary(
        layers.size(),
        layers.stream().mapToLong(CheckedLayer::blocks).sum(),
        layers.stream().mapToDouble(LayerFigures::largestAngle).max().orElse(0),
        planes == 0 ? 0 : angles / planes,
        layers.stream().mapToDouble(CheckedLayer::orthogonalityError).max().orElse(0),
        layers.stream().mapToDouble(LayerFigures::energyChange).max().orElse(0));
  }

  /** A line that says how the check ended. */
  String verdict(CheckReport report) {
    if (!report.problems().isEmpty()) {
      return "FAILED: " + Figures.count(report.problems().size(), "problem");
    }
    return String.format(
        Locale.ROOT,
        "OK: %s fit, worst ‖RᵀR−I‖ %s, largest angle %s, energy changes by at most %s",
        Figures.count(layers, "layer"),
        Figures.error(orthogonalityError),
        Figures.degrees(largestAngle),
        Figures.percent(energyChange));
  }

  private static long planes(CheckedLayer layer) {
    return layer.blocks() * (layer.blockSize() / 2);
  }
}
