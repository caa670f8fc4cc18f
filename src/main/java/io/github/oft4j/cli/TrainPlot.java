package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.AxisLocation;
import org.jfree.chart.axis.LogarithmicAxis;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.plot.PlotOrientation;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.xy.XYLineAndShapeRenderer;
import org.jfree.data.Range;
import org.jfree.data.xy.XYSeries;
import org.jfree.data.xy.XYSeriesCollection;

/** The picture of a training: its losses, and how far it turned each layer. */
final class TrainPlot {
  private static final int LOSS_HEIGHT = 320;
  private static final int TRAINING = 0;
  private static final int EVALUATION = 1;
  private static final double WIDE_RANGE = 20;

  private TrainPlot() {}

  /**
   * Draws a training.
   *
   * @param log of the trainer, earlier runs included
   * @param layers of the adapter
   * @return an SVG document in UTF-8
   */
  static byte[] svg(Path log, List<AnglePlot.Row> layers, String title) throws CliException {
    return Svg.of(
        new Svg.Panel(losses(log, title), LOSS_HEIGHT),
        new Svg.Panel(angles(layers), PlotStyle.heightOfRows(layers.size())));
  }

  private static JFreeChart losses(Path log, String title) throws CliException {
    var training = new XYSeries("loss of each step");
    var evaluation = new XYSeries("loss of each evaluation");
    try {
      for (String line : Files.readAllLines(log)) {
        JsonNode event = Documents.parse(line);
        double step = event.path("step").asDouble();
        if (event.path("event").asText().equals("step")) {
          training.add(step, event.path("loss").asDouble());
        } else {
          evaluation.add(step, event.path("value").asDouble());
        }
      }
    } catch (IOException e) {
      throw CliException.unreadable(log, e);
    }
    var data = new XYSeriesCollection(training);
    if (!evaluation.isEmpty()) {
      data.addSeries(evaluation);
    }
    return PlotStyle.chart(title, plot(data));
  }

  private static XYPlot plot(XYSeriesCollection data) {
    var renderer = new XYLineAndShapeRenderer(true, false);
    renderer.setSeriesPaint(TRAINING, PlotStyle.LIGHT_BLUE);
    renderer.setSeriesStroke(TRAINING, PlotStyle.THIN);
    renderer.setSeriesPaint(EVALUATION, PlotStyle.ORANGE);
    renderer.setSeriesShape(EVALUATION, PlotStyle.dot(6));
    renderer.setSeriesShapesVisible(EVALUATION, true);
    var steps = PlotStyle.axis(new NumberAxis("step"));
    steps.setAutoRangeIncludesZero(true);
    var plot = new XYPlot(data, steps, PlotStyle.axis(lossAxis(data)), renderer);
    plot.setBackgroundPaint(Color.WHITE);
    plot.setOutlineVisible(false);
    plot.setDomainGridlinePaint(PlotStyle.GRID);
    plot.setDomainGridlineStroke(PlotStyle.THIN);
    plot.setRangeGridlinePaint(PlotStyle.GRID);
    plot.setRangeGridlineStroke(PlotStyle.THIN);
    return plot;
  }

  /** Losses that fall far are told apart by their logarithms. */
  private static NumberAxis lossAxis(XYSeriesCollection data) {
    Range range = data.getRangeBounds(false);
    return range != null
            && range.getUpperBound() > WIDE_RANGE * range.getLowerBound()
            && range.getLowerBound() > 0
        ? new LogarithmicAxis("loss (logarithmic)")
        : new NumberAxis("loss");
  }

  private static JFreeChart angles(List<AnglePlot.Row> layers) {
    CategoryPlot plot = AnglePlot.of(layers);
    plot.setDomainAxis(PlotStyle.names());
    plot.setOrientation(PlotOrientation.HORIZONTAL);
    plot.setRangeAxisLocation(AxisLocation.BOTTOM_OR_LEFT);
    return PlotStyle.chart(null, plot);
  }
}
