package io.github.oft4j.cli;

import io.github.oft4j.ConvertReport;
import io.github.oft4j.ConvertedLayer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** A conversion, told to a person. */
final class ConvertText {
  private final boolean all;

  ConvertText(boolean all) {
    this.all = all;
  }

  String of(Path input, ConvertReport report) {
    List<ConvertedLayer> layers =
        report.layers().stream()
            .sorted(Comparator.comparingDouble(ConvertedLayer::error).reversed())
            .toList();
    List<ConvertedLayer> shown = report.exact() ? List.of() : LayerList.first(layers, all);
    var text =
        new Facts("Converted " + input + " (" + report.from() + ") to " + report.to().jsonName())
            .fact("layers", Figures.number(layers.size()))
            .fact("meaning", meaning(report));
    if (!shown.isEmpty()) {
      text.table(table(shown)).more(layers.size() - shown.size(), "better layer").line("");
    }
    report.files().forEach(file -> text.fact("written", file));
    return text.list("left out", report.leftOut()).warnings(report.warnings()).toString();
  }

  private static String meaning(ConvertReport report) {
    if (report.exact()) {
      return "the same, to rounding (largest difference " + Figures.error(report.error()) + ")";
    }
    return report.energyKept().isPresent()
        ? "keeps %s of the change; worst layer off by %s of it"
            .formatted(
                Figures.percent(report.energyKept().getAsDouble()), Figures.percent(report.error()))
        : "near: the worst block differs by ‖R′−R‖ " + Figures.error(report.error());
  }

  private static Table table(List<ConvertedLayer> layers) {
    var table = new Table("layer", "side", " block", " error", " kept");
    for (ConvertedLayer layer : layers) {
      table.row(
          LayerList.path(layer.component(), layer.name()),
          layer.side().jsonName(),
          Long.toString(layer.blockSize()),
          Figures.error(layer.error()),
          layer.energyKept().isPresent() ? Figures.percent(layer.energyKept().getAsDouble()) : "");
    }
    return table;
  }
}
