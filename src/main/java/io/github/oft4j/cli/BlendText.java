package io.github.oft4j.cli;

import io.github.oft4j.BlendReport;
import io.github.oft4j.BlendedLayer;
import java.util.Comparator;
import java.util.List;

/** A blend, told to a person: the layers that turn most first. */
final class BlendText {
  private final boolean all;

  BlendText(boolean all) {
    this.all = all;
  }

  String of(List<WeightedPath> parts, BlendReport report, List<String> files) {
    List<BlendedLayer> layers =
        report.layers().stream()
            .sorted(Comparator.comparingDouble(BlendedLayer::largestAngle).reversed())
            .toList();
    List<BlendedLayer> shown = LayerList.first(layers, all);
    var text = new Facts("Blended by the rule '" + Choice.word(report.rule()) + "'");
    for (WeightedPath part : parts) {
      text.fact("adapter", part.path() + " × " + part.weight());
    }
    text.table(table(shown))
        .more(layers.size() - shown.size(), "layer")
        .line("")
        .fact(
            "rotation",
            "worst ‖RᵀR−I‖ "
                + Figures.error(report.orthogonalityError())
                + ", largest angle "
                + Figures.degrees(report.largestAngle()))
        .list("replaced", report.replaced())
        .warnings(report.warnings());
    files.forEach(file -> text.fact("written", file));
    return text.toString();
  }

  private static Table table(List<BlendedLayer> layers) {
    var table = new Table("layer", "side", " adapters", " block", " largest angle", " ‖RᵀR−I‖");
    for (BlendedLayer layer : layers) {
      table.row(
          LayerList.path(layer.component(), layer.name()),
          layer.side().jsonName(),
          Long.toString(layer.adapters()),
          Long.toString(layer.blockSize()),
          Figures.degrees(layer.largestAngle()),
          Figures.error(layer.orthogonalityError()));
    }
    return table;
  }
}
