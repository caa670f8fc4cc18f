package io.github.oft4j.cli;

import io.github.oft4j.CheckReport;
import io.github.oft4j.CheckedLayer;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** A check, told to a person: the worst layers first, then the verdict. */
final class CheckText {
  private static final Comparator<CheckedLayer> WORST_FIRST =
      Comparator.comparingDouble(CheckedLayer::orthogonalityError)
          .thenComparingDouble(CheckText::largestAngle)
          .reversed();

  private final boolean all;

  CheckText(boolean all) {
    this.all = all;
  }

  /** In radians; 0 for a layer without blocks. */
  static double largestAngle(CheckedLayer layer) {
    return layer.blockAngles().isEmpty() ? 0 : Collections.max(layer.blockAngles());
  }

  String of(CheckReport report) {
    List<CheckedLayer> layers = report.layers().stream().sorted(WORST_FIRST).toList();
    var text = new Facts("Adapter by " + report.maker());
    if (!layers.isEmpty()) {
      text.table(table(layers)).more(layers.size() - shown(layers).size(), "better layer").line("");
    }
    report.problems().forEach(problem -> text.fact("problem", problem));
    text.list("replaced", report.replaced()).warnings(report.warnings());
    return text.line(verdict(report, layers)).toString();
  }

  private List<CheckedLayer> shown(List<CheckedLayer> layers) {
    return layers.stream().limit(all ? Long.MAX_VALUE : Table.FIRST_ROWS).toList();
  }

  private Table table(List<CheckedLayer> layers) {
    var table =
        new Table(
            "layer",
            "kind",
            " shape",
            " block",
            " ‖RᵀR−I‖",
            " largest angle",
            " mean",
            " energy before",
            " after");
    for (CheckedLayer layer : shown(layers)) {
      table.row(
          layer.name(),
          layer.kind().jsonName(),
          Figures.shape(layer.shape()),
          Long.toString(layer.blockSize()),
          Figures.error(layer.orthogonalityError()),
          Figures.degrees(largestAngle(layer)),
          Figures.degrees(layer.meanAngle()),
          energy(layer.energyBefore()),
          energy(layer.energyAfter()));
    }
    return table;
  }

  private static String energy(double value) {
    return String.format(Locale.ROOT, "%.6g", value);
  }

  private static String verdict(CheckReport report, List<CheckedLayer> layers) {
    if (!report.problems().isEmpty()) {
      return "FAILED: " + Figures.count(report.problems().size(), "problem");
    }
    double angle = layers.stream().mapToDouble(CheckText::largestAngle).max().orElse(0);
    double energyChange = layers.stream().mapToDouble(CheckText::energyChange).max().orElse(0);
    return String.format(
        Locale.ROOT,
        "OK: %s fit, worst ‖RᵀR−I‖ %s, largest angle %s, energy changes by at most %.2g %%",
        Figures.count(layers.size(), "layer"),
        Figures.error(layers.isEmpty() ? 0 : layers.getFirst().orthogonalityError()),
        Figures.degrees(angle),
        100 * energyChange);
  }

  private static double energyChange(CheckedLayer layer) {
    return Math.abs(layer.energyAfter() / layer.energyBefore() - 1);
  }
}
