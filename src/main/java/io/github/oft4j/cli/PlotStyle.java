package io.github.oft4j.cli;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Shape;
import java.awt.geom.Ellipse2D;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.CategoryAxis;
import org.jfree.chart.axis.ValueAxis;
import org.jfree.chart.block.BlockBorder;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.plot.Plot;
import org.jfree.chart.renderer.category.CategoryItemRenderer;
import org.jfree.chart.renderer.category.LineAndShapeRenderer;
import org.jfree.chart.ui.RectangleEdge;
import org.jfree.chart.ui.RectangleInsets;
import org.jfree.data.category.CategoryDataset;

/** How all pictures look. */
final class PlotStyle {
  /** Height of a layer in a plot with a row for each. */
  static final int ROW_HEIGHT = 18;

  static final int WIDTH = 1000;
  static final Font LABEL_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
  static final Color GRID = new Color(0xe0e0e0);
  static final Color BLUE = new Color(0x1f5fa8);
  static final Color LIGHT_BLUE = new Color(0x8fbce6);
  static final Color ORANGE = new Color(0xd9730d);
  static final BasicStroke THIN = new BasicStroke(1);

  private static final Font TITLE_FONT = new Font(Font.SANS_SERIF, Font.BOLD, 15);
  private static final double CATEGORY_MARGIN = 0.01;
  private static final int FRAME_HEIGHT = 140;
  private static final int LEAST_ROWS = 4;

  private PlotStyle() {}

  /** The height of a chart with a row for each layer. */
  static int heightOfRows(int rows) {
    return FRAME_HEIGHT + ROW_HEIGHT * Math.max(LEAST_ROWS, rows);
  }

  static JFreeChart chart(String title, Plot plot) {
    var chart = new JFreeChart(title, TITLE_FONT, plot, true);
    chart.setBackgroundPaint(Color.WHITE);
    chart.setPadding(new RectangleInsets(8, 8, 8, 16));
    chart.getLegend().setFrame(BlockBorder.NONE);
    chart.getLegend().setPosition(RectangleEdge.TOP);
    chart.getLegend().setItemFont(LABEL_FONT);
    return chart;
  }

  /** The axis of layer names. */
  static CategoryAxis names() {
    var names = new CategoryAxis();
    names.setTickLabelFont(LABEL_FONT);
    names.setMaximumCategoryLabelWidthRatio(0.45f);
    names.setLowerMargin(CATEGORY_MARGIN);
    names.setUpperMargin(CATEGORY_MARGIN);
    return names;
  }

  static <A extends ValueAxis> A axis(A axis) {
    axis.setLabelFont(LABEL_FONT);
    axis.setTickLabelFont(LABEL_FONT);
    return axis;
  }

  /** A row for each layer, or what else there is. */
  static CategoryPlot rows(CategoryDataset data, ValueAxis axis, CategoryItemRenderer renderer) {
    var plot = new CategoryPlot(data, null, axis(axis), renderer);
    plot.setBackgroundPaint(Color.WHITE);
    plot.setOutlineVisible(false);
    plot.setRangeGridlinePaint(GRID);
    plot.setRangeGridlineStroke(THIN);
    plot.setDomainGridlinesVisible(true);
    plot.setDomainGridlinePaint(GRID);
    plot.setDomainGridlineStroke(THIN);
    return plot;
  }

  static LineAndShapeRenderer dots(Shape first, Color firstColor, Shape second, Color secondColor) {
    var renderer = new LineAndShapeRenderer(false, true);
    renderer.setDrawOutlines(false);
    renderer.setSeriesShape(0, first);
    renderer.setSeriesPaint(0, firstColor);
    renderer.setSeriesShape(1, second);
    renderer.setSeriesPaint(1, secondColor);
    return renderer;
  }

  static Shape dot(double diameter) {
    return new Ellipse2D.Double(-diameter / 2, -diameter / 2, diameter, diameter);
  }
}
