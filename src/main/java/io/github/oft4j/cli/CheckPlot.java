package io.github.oft4j.cli;

import de.erichseifert.vectorgraphics2d.Processors;
import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import io.github.oft4j.CheckedLayer;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Shape;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Rectangle2D;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.CategoryAxis;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.axis.ValueAxis;
import org.jfree.chart.block.BlockBorder;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.plot.CombinedDomainCategoryPlot;
import org.jfree.chart.plot.PlotOrientation;
import org.jfree.chart.renderer.category.LineAndShapeRenderer;
import org.jfree.chart.ui.RectangleEdge;
import org.jfree.chart.ui.RectangleInsets;
import org.jfree.data.category.DefaultCategoryDataset;

/**
 * The picture of a check, a row per layer: on the left its rotation angles, on the right the
 * hyperspherical energy of its weight before and after the merge.
 */
final class CheckPlot {
  private static final int WIDTH = 1000;
  private static final int ROW_HEIGHT = 18;
  private static final int FRAME_HEIGHT = 140;
  private static final int LEAST_ROWS = 4;
  private static final double CATEGORY_MARGIN = 0.01;
  private static final double LEAST_ENERGY_RANGE = 0.01;

  private static final Font TITLE_FONT = new Font(Font.SANS_SERIF, Font.BOLD, 15);
  private static final Font LABEL_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
  private static final Color GRID = new Color(0xe0e0e0);
  private static final Color BLUE = new Color(0x1f5fa8);
  private static final Color LIGHT_BLUE = new Color(0x8fbce6);
  private static final Color ORANGE = new Color(0xd9730d);

  private CheckPlot() {}

  /** An SVG document in UTF-8. */
  static byte[] svg(List<CheckedLayer> layers, String title) throws CliException {
    requireFont();
    int height = FRAME_HEIGHT + ROW_HEIGHT * Math.max(LEAST_ROWS, layers.size());
    var graphics = new VectorGraphics2D();
    chart(layers, title).draw(graphics, new Rectangle2D.Double(0, 0, WIDTH, height));
    var svg = new ByteArrayOutputStream();
    try {
      Processors.get("svg")
          .getDocument(graphics.getCommands(), new PageSize(0, 0, WIDTH, height))
          .writeTo(svg);
    } catch (IOException e) {
      throw new AssertionError("a byte array refused to grow", e);
    }
    return svg.toByteArray();
  }

  /** Java measures text even where another program will draw it. */
  private static void requireFont() throws CliException {
    try {
      LABEL_FONT.getFamily(Locale.ROOT);
    } catch (RuntimeException | Error e) { // the JDK's own way to say that there is none
      throw new CliException(
          ExitCode.INTERNAL,
          "cannot draw, because Java finds no font: install fontconfig and a font"
              + " (Debian: fonts-dejavu-core)");
    }
  }

  private static JFreeChart chart(List<CheckedLayer> layers, String title) {
    var names = new CategoryAxis();
    names.setTickLabelFont(LABEL_FONT);
    names.setMaximumCategoryLabelWidthRatio(0.45f);
    names.setLowerMargin(CATEGORY_MARGIN);
    names.setUpperMargin(CATEGORY_MARGIN);
    var plot = new CombinedDomainCategoryPlot(names);
    plot.setOrientation(PlotOrientation.HORIZONTAL);
    plot.setGap(30);
    plot.add(angles(layers));
    plot.add(energies(layers));
    var chart = new JFreeChart(title, TITLE_FONT, plot, true);
    chart.setBackgroundPaint(Color.WHITE);
    chart.setPadding(new RectangleInsets(8, 8, 8, 16));
    chart.getLegend().setFrame(BlockBorder.NONE);
    chart.getLegend().setPosition(RectangleEdge.TOP);
    chart.getLegend().setItemFont(LABEL_FONT);
    return chart;
  }

  private static CategoryPlot angles(List<CheckedLayer> layers) {
    var data = new DefaultCategoryDataset();
    for (CheckedLayer layer : layers) {
      data.addValue(Math.toDegrees(CheckText.largestAngle(layer)), "largest angle", layer.name());
      data.addValue(Math.toDegrees(layer.meanAngle()), "mean angle", layer.name());
    }
    var axis = new NumberAxis("rotation angle (degrees)");
    return plot(data, axis, renderer(dot(8), BLUE, dot(6), LIGHT_BLUE));
  }

  private static CategoryPlot energies(List<CheckedLayer> layers) {
    var data = new DefaultCategoryDataset();
    for (CheckedLayer layer : layers) {
      data.addValue(finite(layer.energyBefore()), "energy before", layer.name());
      data.addValue(finite(layer.energyAfter()), "energy after (inside: kept)", layer.name());
    }
    var axis = new NumberAxis("hyperspherical energy");
    axis.setAutoRangeIncludesZero(false);
    axis.setAutoRangeMinimumSize(LEAST_ENERGY_RANGE);
    return plot(data, axis, renderer(dot(11), LIGHT_BLUE, dot(5), ORANGE));
  }

  /** What has no place on an axis is left out. */
  private static Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private static LineAndShapeRenderer renderer(
      Shape first, Color firstColor, Shape second, Color secondColor) {
    var renderer = new LineAndShapeRenderer(false, true);
    renderer.setDrawOutlines(false);
    renderer.setSeriesShape(0, first);
    renderer.setSeriesPaint(0, firstColor);
    renderer.setSeriesShape(1, second);
    renderer.setSeriesPaint(1, secondColor);
    return renderer;
  }

  private static CategoryPlot plot(
      DefaultCategoryDataset data, ValueAxis axis, LineAndShapeRenderer renderer) {
    axis.setLabelFont(LABEL_FONT);
    axis.setTickLabelFont(LABEL_FONT);
    var plot = new CategoryPlot(data, null, axis, renderer);
    plot.setBackgroundPaint(Color.WHITE);
    plot.setOutlineVisible(false);
    plot.setRangeGridlinePaint(GRID);
    plot.setRangeGridlineStroke(new BasicStroke(1));
    plot.setDomainGridlinesVisible(true);
    plot.setDomainGridlinePaint(GRID);
    plot.setDomainGridlineStroke(new BasicStroke(1));
    return plot;
  }

  private static Shape dot(double diameter) {
    return new Ellipse2D.Double(-diameter / 2, -diameter / 2, diameter, diameter);
  }
}
