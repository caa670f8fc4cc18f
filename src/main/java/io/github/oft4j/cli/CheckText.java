package io.github.oft4j.cli;

import io.github.oft4j.CheckReport;
import io.github.oft4j.CheckedLayer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** A check, told to a person: the worst layers first, then the verdict. */
final class CheckText {
  private static final Comparator<CheckedLayer> WORST_FIRST =
      Comparator.comparingDouble(CheckedLayer::orthogonalityError)
          .thenComparingDouble(LayerFigures::largestAngle)
          .reversed();

  private final boolean all;

  CheckText(boolean all) {
    this.all = all;
  }

  /**
   * The text.
   *
   * @param written files with the check in another form
   */
  String of(CheckReport report, List<Path> written) {
    List<CheckedLayer> layers = report.layers().stream().sorted(WORST_FIRST).toList();
    var text = new Facts("Adapter by " + report.maker());
    if (!layers.isEmpty()) {
      text.table(table(layers)).more(layers.size() - shown(layers).size(), "better layer").line("");
    }
    report.problems().forEach(problem -> text.fact("problem", problem));
    text.list("replaced", report.replaced()).warnings(report.warnings());
    written.forEach(file -> text.fact("written", file.toString()));
    return text.line(CheckSummary.of(layers).verdict(report)).toString();
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
          LayerFigures.title(layer),
          LayerFigures.kind(layer),
          Figures.shape(layer.shape()),
          Long.toString(layer.blockSize()),
          Figures.error(layer.orthogonalityError()),
          Figures.degrees(LayerFigures.largestAngle(layer)),
          Figures.degrees(layer.meanAngle()),
          Figures.energy(layer.energyBefore()),
          Figures.energy(layer.energyAfter()));
    }
    return table;
  }
}
