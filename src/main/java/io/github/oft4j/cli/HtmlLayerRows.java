package io.github.oft4j.cli;

import io.github.oft4j.CheckedLayer;
import java.util.List;
import java.util.function.Function;

/**
 * A chart with a row for each layer: its name, its dots on a line, its figure.
 *
 * @param axis the horizontal one
 * @param series the dots of a row
 * @param fromStart whether the line of a row begins at the start of the axis, or at a dot
 * @param figure the text at the end of a row
 */
record HtmlLayerRows(
    HtmlAxis axis,
    List<HtmlLayerSeries> series,
    boolean fromStart,
    Function<CheckedLayer, String> figure) {
  private static final double ROW = 20;
  private static final double TOP = 4;
  private static final double AXIS = 24;
  private static final double GAP = 12;
  private static final double BASELINE = 4;
  private static final double LETTER = 6.7; // of the monospaced font of names
  private static final int MOST_LETTERS = 64;
  private static final double FIGURE_WIDTH = 84;

  Html of(List<CheckedLayer> layers, String label) {
    int letters =
        layers.stream()
            .mapToInt(layer -> shortened(LayerFigures.title(layer)).length())
            .max()
            .orElse(0);
    double left = letters * LETTER + GAP;
    var frame =
        new HtmlFrame(
            left, TOP, HtmlFrame.CHART_WIDTH - left - GAP - FIGURE_WIDTH, ROW * layers.size());
    Html chart = HtmlFrame.chart(frame.bottom() + AXIS, label).add(frame.verticals(axis));
    for (int i = 0; i < layers.size(); i++) {
      chart.add(row(layers.get(i), frame, TOP + ROW * (i + 0.5)));
    }
    return chart;
  }

  private Html row(CheckedLayer layer, HtmlFrame frame, double y) {
    String title = LayerFigures.title(layer);
    String text = figure.apply(layer);
    Html row = Html.of("g").style("layer");
    row.add(HtmlFrame.hint(title + ": " + text));
    row.add(HtmlFrame.rectangle(0, y - ROW / 2, HtmlFrame.CHART_WIDTH, ROW));
    row.add(
        HtmlFrame.text(frame.left() - GAP, y + BASELINE, "end", shortened(title)).style("name"));
    var places =
        HtmlLayerSeries.finite(series, List.of(layer))
            .map(value -> frame.x(axis, value))
            .summaryStatistics();
    if (places.getCount() > 0) {
      double start = fromStart ? frame.left() : places.getMin();
      row.add(HtmlFrame.line(start, y, places.getMax(), y));
    }
    for (HtmlLayerSeries one : series) {
      if (Double.isFinite(one.of(layer))) {
        row.add(one.dot(frame.x(axis, one.of(layer)), y));
      }
    }
    return row.add(HtmlFrame.text(HtmlFrame.CHART_WIDTH, y + BASELINE, "end", text));
  }

  /** Ends of names tell more than their middles. */
  private static String shortened(String name) {
    int half = (MOST_LETTERS - 1) / 2;
    return name.length() <= MOST_LETTERS
        ? name
        : name.substring(0, half) + "…" + name.substring(name.length() - half);
  }
}
