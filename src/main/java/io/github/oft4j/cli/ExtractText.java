package io.github.oft4j.cli;

import io.github.oft4j.ExtractReport;
import io.github.oft4j.ExtractedLayer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** An extraction, told to a person: the worst layers first. */
final class ExtractText {
  private final boolean all;

  ExtractText(boolean all) {
    this.all = all;
  }

  String of(Path base, Path tuned, ExtractReport report, List<String> files) {
    List<ExtractedLayer> layers =
        report.layers().stream()
            .sorted(Comparator.comparingDouble(ExtractedLayer::explained))
            .toList();
    List<ExtractedLayer> shown = LayerList.first(layers, all);
    var text =
        new Facts("From " + base + " to " + tuned)
            .table(table(shown))
            .more(layers.size() - shown.size(), "better layer")
            .line("")
            .fact("explained", share(report.explained()) + " of the change of these layers")
            .fact("largest angle", Figures.degrees(report.largestAngle()))
            .list("unchanged", report.unchanged())
            .list("not covered", report.changed())
            .list("only before", report.missing())
            .list("only after", report.added())
            .warnings(report.warnings());
    files.forEach(file -> text.fact("written", file));
    return text.toString();
  }

  private static Table table(List<ExtractedLayer> layers) {
    var table =
        new Table("layer", "kind", " shape", " block", " change", " explained", " largest angle");
    for (ExtractedLayer layer : layers) {
      table.row(
          layer.name(),
          layer.kind().jsonName(),
          Figures.shape(layer.shape()),
          Long.toString(layer.blockSize()),
          Figures.percent(layer.relativeChange()),
          share(layer.explained()),
          Figures.degrees(layer.largestAngle()));
    }
    return table;
  }

  /** With enough digits to tell nearly all from all. */
  private static String share(double part) {
    return String.format(Locale.ROOT, "%.3f %%", 100 * part);
  }
}
