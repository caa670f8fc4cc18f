package io.github.oft4j.cli;

import static io.github.oft4j.cli.PlotStyle.dot;

import io.github.oft4j.CheckedLayer;
import java.util.List;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.plot.CombinedDomainCategoryPlot;
import org.jfree.chart.plot.PlotOrientation;
import org.jfree.data.category.DefaultCategoryDataset;

/**
 * The picture of a check, a row per layer: on the left its rotation angles, on the right the
 * hyperspherical energy of its weight before and after the merge.
 */
final class CheckPlot {
  private static final double LEAST_ENERGY_RANGE = 0.01;

  private CheckPlot() {}

  /** An SVG document in UTF-8. */
  static byte[] svg(List<CheckedLayer> layers, String title) throws CliException {
    var plot = new CombinedDomainCategoryPlot(PlotStyle.names());
    plot.setOrientation(PlotOrientation.HORIZONTAL);
    plot.setGap(30);
    plot.add(AnglePlot.of(layers.stream().map(CheckPlot::angles).toList()));
    plot.add(energies(layers));
    return Svg.of(
        new Svg.Panel(PlotStyle.chart(title, plot), PlotStyle.heightOfRows(layers.size())));
  }

  private static AnglePlot.Row angles(CheckedLayer layer) {
    return new AnglePlot.Row(
        LayerFigures.title(layer), LayerFigures.largestAngle(layer), layer.meanAngle());
  }

  private static CategoryPlot energies(List<CheckedLayer> layers) {
    var data = new DefaultCategoryDataset();
    for (CheckedLayer layer : layers) {
      String title = LayerFigures.title(layer);
      data.addValue(finite(layer.energyBefore()), "energy before", title);
      data.addValue(finite(layer.energyAfter()), "energy after (inside: kept)", title);
    }
    var axis = new NumberAxis("hyperspherical energy");
    axis.setAutoRangeIncludesZero(false);
    axis.setAutoRangeMinimumSize(LEAST_ENERGY_RANGE);
    return PlotStyle.rows(
        data, axis, PlotStyle.dots(dot(11), PlotStyle.LIGHT_BLUE, dot(5), PlotStyle.ORANGE));
  }

  /** What has no place on an axis is left out. */
  private static Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
