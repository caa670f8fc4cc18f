package io.github.oft4j.cli;

import io.github.oft4j.CheckedLayer;
import java.util.List;
import java.util.function.Function;

/**
 * A chart of any number of layers, each a column without room for its name.
 *
 * @param axis the vertical one
 * @param series the dots of a column
 * @param figure what a mouse that rests on a column is told
 */
record HtmlLayerProfile(
    HtmlAxis axis, List<HtmlLayerSeries> series, Function<CheckedLayer, String> figure) {
  private static final double HEIGHT = 230;
  private static final HtmlFrame FRAME = HtmlFrame.inside(HEIGHT, 8);

  Html of(List<CheckedLayer> layers, String label) {
    Html chart = HtmlFrame.chart(HEIGHT, label).add(FRAME.horizontals(axis));
    double width = FRAME.width() / layers.size();
    for (int i = 0; i < layers.size(); i++) {
      chart.add(column(layers.get(i), FRAME.left() + width * i, width));
    }
    return chart;
  }

  private Html column(CheckedLayer layer, double left, double width) {
    double x = left + width / 2;
    Html column = Html.of("g").style("layer");
    column.add(HtmlFrame.hint(LayerFigures.title(layer) + ": " + figure.apply(layer)));
    column.add(HtmlFrame.rectangle(left, FRAME.top(), width, FRAME.height()));
    var heights =
        HtmlLayerSeries.finite(series, List.of(layer))
            .map(value -> FRAME.y(axis, value))
            .summaryStatistics();
    if (heights.getCount() > 0) {
      column.add(HtmlFrame.line(x, heights.getMin(), x, heights.getMax()));
    }
    for (HtmlLayerSeries one : series) {
      if (Double.isFinite(one.of(layer))) {
        column.add(one.dot(x, FRAME.y(axis, one.of(layer))));
      }
    }
    return column;
  }
}
