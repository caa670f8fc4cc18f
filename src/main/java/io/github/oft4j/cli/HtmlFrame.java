package io.github.oft4j.cli;

import java.util.Locale;

/** The inner rectangle of a chart: gives values their place in it, draws grids and drawings. */
record HtmlFrame(double left, double top, double width, double height) {
  /** How wide a chart is, the frame's surroundings included; a browser scales it. */
  static final int CHART_WIDTH = 1040;

  private static final double LEFT = 56;
  private static final double RIGHT = 20;
  private static final double TOP = 12;
  private static final double LABEL_GAP = 8;
  private static final double HALF_DIGIT = 4;

  /** The frame of a chart with labels on its left, and maybe something below. */
  static HtmlFrame inside(double height, double below) {
    return new HtmlFrame(LEFT, TOP, CHART_WIDTH - LEFT - RIGHT, height - TOP - below);
  }

  /** An empty chart that screen readers announce by a label. */
  static Html chart(double height, String label) {
    return Html.of("svg")
        .attribute("viewBox", "0 0 " + CHART_WIDTH + " " + number(height))
        .attribute("role", "img")
        .attribute("aria-label", label);
  }

  double x(HtmlAxis axis, double value) {
    return left + width * axis.place(value);
  }

  double y(HtmlAxis axis, double value) {
    return top + height * (1 - axis.place(value));
  }

  double bottom() {
    return top + height;
  }

  double right() {
    return left + width;
  }

  /** A line at each tick of a horizontal axis, its label below. */
  Html verticals(HtmlAxis axis) {
    Html grid = Html.of("g").style("grid");
    for (HtmlAxis.Tick tick : axis.ticks()) {
      double x = left + width * tick.place();
      grid.add(line(x, top, x, bottom()));
      grid.add(text(x, bottom() + 2 * LABEL_GAP, "middle", tick.label()));
    }
    return grid;
  }

  /** A line at each tick of a vertical axis, its label on the left. */
  Html horizontals(HtmlAxis axis) {
    Html grid = Html.of("g").style("grid");
    for (HtmlAxis.Tick tick : axis.ticks()) {
      double y = top + height * (1 - tick.place());
      grid.add(line(left, y, right(), y));
      grid.add(text(left - LABEL_GAP, y + HALF_DIGIT, "end", tick.label()));
    }
    return grid;
  }

  /** What the horizontal axis shows. */
  Html caption(String text) {
    return text(left + width / 2, bottom() + 4.5 * LABEL_GAP, "middle", text);
  }

  static Html line(double x1, double y1, double x2, double y2) {
    return Html.of("line")
        .attribute("x1", number(x1))
        .attribute("y1", number(y1))
        .attribute("x2", number(x2))
        .attribute("y2", number(y2));
  }

  static Html circle(double x, double y, double radius) {
    return Html.of("circle")
        .attribute("cx", number(x))
        .attribute("cy", number(y))
        .attribute("r", number(radius));
  }

  static Html rectangle(double x, double y, double width, double height) {
    return Html.of("rect")
        .attribute("x", number(x))
        .attribute("y", number(y))
        .attribute("width", number(width))
        .attribute("height", number(height));
  }

  static Html text(double x, double y, String anchor, String text) {
    return Html.of("text", text)
        .attribute("x", number(x))
        .attribute("y", number(y))
        .attribute("text-anchor", anchor);
  }

  /** What a mouse that rests on a drawing is told. */
  static Html hint(String text) {
    return Html.of("title", text);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
