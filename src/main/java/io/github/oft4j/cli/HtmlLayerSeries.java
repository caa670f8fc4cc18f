package io.github.oft4j.cli;

import io.github.oft4j.CheckedLayer;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * A figure of each layer that a chart shows as a dot.
 *
 * @param name for the legend
 * @param style the class of its dots
 */
record HtmlLayerSeries(
    String name, String style, double radius, ToDoubleFunction<CheckedLayer> figure) {

  double of(CheckedLayer layer) {
    return figure.applyAsDouble(layer);
  }

  /** The dot of a layer. */
  Html dot(double x, double y) {
    return HtmlFrame.circle(x, y, radius).style(style);
  }

  /** What of these figures has a place on an axis. */
  static DoubleStream finite(List<HtmlLayerSeries> series, List<CheckedLayer> layers) {
    return layers.stream()
        .flatMapToDouble(layer -> series.stream().mapToDouble(one -> one.of(layer)))
        .filter(Double::isFinite);
  }

  static Html legend(List<HtmlLayerSeries> series) {
    Html legend = Html.of("ul").style("legend");
    series.forEach(one -> legend.add(Html.of("li", one.name).style(one.style)));
    return legend;
  }
}
