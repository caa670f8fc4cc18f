package io.github.oft4j.cli;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** How often which angle occurs. */
final class HtmlHistogram {
  private static final int MOST_BARS = 32;
  private static final int MOST_ANGLES = 16; // at the axis
  private static final int MOST_COUNTS = 5;
  private static final double LEAST_WIDTH = 0.01;
  private static final double HEIGHT = 240;
  private static final double BAR_GAP = 1;
  private static final double LEAST_HEIGHT = 2;
  private static final HtmlFrame FRAME = HtmlFrame.inside(HEIGHT, 44);

  private HtmlHistogram() {}

  /**
   * Draws angles.
   *
   * @param degrees finite ones
   * @param counted what has such an angle, in the singular
   */
  static Html of(List<Double> degrees, String counted) {
    double low = degrees.stream().mapToDouble(Double::doubleValue).min().orElse(0);
    double high = degrees.stream().mapToDouble(Double::doubleValue).max().orElse(0);
    double width = Math.max(LEAST_WIDTH, HtmlAxis.step(high - low, MOST_BARS));
    long first = (long) Math.floor(low / width);
    int[] counts = new int[(int) ((long) Math.floor(high / width) - first) + 1];
    for (double angle : degrees) {
      counts[(int) ((long) Math.floor(angle / width) - first)]++;
    }
    int most = IntStream.of(counts).max().orElseThrow();
    var angles = HtmlAxis.linear(first * width, (first + counts.length) * width, MOST_ANGLES, "°");
    var heights = HtmlAxis.linear(0, Math.max(most, MOST_COUNTS), MOST_COUNTS, "");
    Html bars = Html.of("g").style("bars");
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0) {
        bars.add(bar(angles, heights, (first + i) * width, width, counts[i], counted));
      }
    }
    return HtmlFrame.chart(
            HEIGHT,
            "Histogram of the largest angle of "
                + Figures.count(degrees.size(), counted)
                + String.format(Locale.ROOT, ", from %.2f° to %.2f°", low, high))
        .add(FRAME.horizontals(heights), FRAME.verticals(angles), bars)
        .add(FRAME.caption("largest angle of a " + counted));
  }

  private static Html bar(
      HtmlAxis angles, HtmlAxis heights, double low, double width, int count, String counted) {
    double left = FRAME.x(angles, low) + BAR_GAP / 2;
    double top = Math.min(FRAME.y(heights, count), FRAME.bottom() - LEAST_HEIGHT);
    return HtmlFrame.rectangle(
            left, top, FRAME.x(angles, low + width) - left - BAR_GAP / 2, FRAME.bottom() - top)
        .add(
            HtmlFrame.hint(
                "%s° to %s°: %s"
                    .formatted(
                        HtmlAxis.label(low, width),
                        HtmlAxis.label(low + width, width),
                        Figures.count(count, counted))));
  }
}
