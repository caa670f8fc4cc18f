package io.github.oft4j.cli;

import static io.github.oft4j.cli.PlotStyle.dot;

import java.util.List;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.data.category.DefaultCategoryDataset;

/** How far layers are turned, a row for each. */
final class AnglePlot {
  /**
   * A layer.
   *
   * @param largest angle in radians
   * @param mean angle in radians
   */
  record Row(String layer, double largest, double mean) {}

  private AnglePlot() {}

  static CategoryPlot of(List<Row> rows) {
    var data = new DefaultCategoryDataset();
    for (Row row : rows) {
      data.addValue(Math.toDegrees(row.largest), "largest angle", row.layer);
      data.addValue(Math.toDegrees(row.mean), "mean angle", row.layer);
    }
    return PlotStyle.rows(
        data,
        new NumberAxis("rotation angle (degrees)"),
        PlotStyle.dots(dot(8), PlotStyle.BLUE, dot(6), PlotStyle.LIGHT_BLUE));
  }
}
