package io.github.oft4j.cli;

import io.github.oft4j.CheckedLayer;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** The charts of a check's page, each a figure with its caption. */
final class CheckCharts {
  private static final int MOST_ROWS = 40;
  private static final int MOST_TICKS = 8;
  private static final double LEAST_DEGREES = 0.1;
  private static final double LEAST_ENERGIES = 0.01;

  private static final Function<CheckedLayer, String> LARGEST_ANGLE =
      layer -> Figures.degrees(LayerFigures.largestAngle(layer));

  private static final List<HtmlLayerSeries> ANGLES =
      List.of(
          new HtmlLayerSeries(
              "largest angle", "first", 4, layer -> degrees(LayerFigures.largestAngle(layer))),
          new HtmlLayerSeries("mean angle", "faint", 3, layer -> degrees(layer.meanAngle())));

  private static final List<HtmlLayerSeries> ERRORS =
      List.of(new HtmlLayerSeries("worst block", "first", 4, CheckedLayer::orthogonalityError));

  private static final List<HtmlLayerSeries> ENERGIES =
      List.of(
          new HtmlLayerSeries("energy before", "ring", 6, CheckedLayer::energyBefore),
          new HtmlLayerSeries("energy after", "second", 3, CheckedLayer::energyAfter));

  private final List<CheckedLayer> layers;

  /** Charts of some layers, at least one, in the order of their names. */
  CheckCharts(List<CheckedLayer> layers) {
    this.layers = layers;
  }

  Html angleHistogram() {
    List<Double> all = layers.stream().flatMap(layer -> layer.blockAngles().stream()).toList();
    List<Double> finite = all.stream().filter(Double::isFinite).map(CheckCharts::degrees).toList();
    int left = all.size() - finite.size();
    String caption = "The largest angle of each of " + Figures.count(finite.size(), "block");
    return figure(
        left == 0 ? caption : caption + "; without a finite one: " + left,
        HtmlHistogram.of(finite, "block"));
  }

  Html angleProfile() {
    return figure(
        "All layers by name, from left to right",
        ANGLES,
        new HtmlLayerProfile(angleAxis(layers), ANGLES, LARGEST_ANGLE)
            .of(layers, "Largest and mean angle of each layer, by name"));
  }

  Html largestAngles() {
    List<CheckedLayer> shown = worst(LayerFigures::largestAngle);
    return figure(
        caption("that turn most"),
        ANGLES,
        new HtmlLayerRows(angleAxis(shown), ANGLES, true, LARGEST_ANGLE)
            .of(shown, "Largest and mean angle of layers, largest first"));
  }

  Html orthogonality() {
    List<CheckedLayer> shown = worst(CheckedLayer::orthogonalityError);
    HtmlAxis axis = HtmlAxis.logarithmic(HtmlLayerSeries.finite(ERRORS, shown));
    return figure(
        caption("that are least orthogonal"),
        new HtmlLayerRows(axis, ERRORS, true, layer -> Figures.error(layer.orthogonalityError()))
            .of(shown, "Distance of layers from orthogonal, largest first, logarithmic"));
  }

  Html energies() {
    List<CheckedLayer> shown = worst(LayerFigures::energyChange);
    var range = HtmlLayerSeries.finite(ENERGIES, shown).summaryStatistics();
    double slack = Math.max(0, LEAST_ENERGIES - (range.getMax() - range.getMin())) / 2;
    HtmlAxis axis =
        range.getCount() == 0
            ? HtmlAxis.linear(0, 1, MOST_TICKS, "")
            : HtmlAxis.linear(range.getMin() - slack, range.getMax() + slack, MOST_TICKS, "");
    return figure(
        caption("whose energy changes most"),
        ENERGIES,
        new HtmlLayerRows(
                axis, ENERGIES, false, layer -> Figures.percent(LayerFigures.energyChange(layer)))
            .of(shown, "Hyperspherical energy of layers before and after, largest change first"));
  }

  private List<CheckedLayer> worst(ToDoubleFunction<CheckedLayer> figure) {
    return layers.stream()
        .sorted(Comparator.comparingDouble(figure).reversed())
        .limit(MOST_ROWS)
        .toList();
  }

  private String caption(String which) {
    return layers.size() > MOST_ROWS
        ? "The %s layers of %s %s; the table below has all"
            .formatted(MOST_ROWS, Figures.number(layers.size()), which)
        : "Layers, those " + which + " first";
  }

  private static HtmlAxis angleAxis(List<CheckedLayer> layers) {
    double largest = HtmlLayerSeries.finite(ANGLES, layers).max().orElse(0);
    return HtmlAxis.linear(0, Math.max(LEAST_DEGREES, largest), MOST_TICKS, "°");
  }

  private static Html figure(String caption, List<HtmlLayerSeries> series, Html chart) {
    return figure(Html.of("figcaption", caption).add(HtmlLayerSeries.legend(series)), chart);
  }

  private static Html figure(String caption, Html chart) {
    return figure(Html.of("figcaption", caption), chart);
  }

  private static Html figure(Html caption, Html chart) {
    return Html.of("figure").add(caption, Html.of("div").style("wide").add(chart));
  }

  private static double degrees(double radians) {
    return Math.toDegrees(radians);
  }
}
