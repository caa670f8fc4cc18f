package io.github.oft4j.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;

/** Where along an axis a value has its place, and which values get a label. */
final class HtmlAxis {
  /** A labelled value; its place is 0 at the start of the axis and 1 at its end. */
  record Tick(double place, String label) {}

  private static final double ROUNDING = 1e-9;
  private static final int MOST_DECADES = 10;
  private static final int FEW_DECADES = 2; // have room for numbers between
  private static final int[] BETWEEN = {2, 5};
  private static final int MOST_DECIMALS = 6;

  private final DoubleUnaryOperator place;
  private final List<Tick> ticks;

  private HtmlAxis(DoubleUnaryOperator place, List<Tick> ticks) {
    this.place = place;
    this.ticks = ticks;
  }

  /**
   * From one round number to another.
   *
   * @param mostSteps how many ticks there is room for, less one
   * @param unit follows each number
   */
  static HtmlAxis linear(double low, double high, int mostSteps, String unit) {
    double step = step(high - low, mostSteps);
    long first = (long) Math.floor(low / step + ROUNDING);
    long last = Math.max(first + 1, (long) Math.ceil(high / step - ROUNDING));
    var ticks = new ArrayList<Tick>();
    for (long i = first; i <= last; i++) {
      ticks.add(new Tick((double) (i - first) / (last - first), label(i * step, step) + unit));
    }
    return new HtmlAxis(value -> (value / step - first) / (last - first), ticks);
  }

  /** From one power of ten to another; where there are zeros, they have a place before the rest. */
  static HtmlAxis logarithmic(DoubleStream finiteValues) {
    double[] values = finiteValues.toArray();
    double[] positive = DoubleStream.of(values).filter(value -> value > 0).toArray();
    boolean hasZeros = positive.length < values.length;
    double least = DoubleStream.of(positive).min().orElse(1);
    double most = DoubleStream.of(positive).max().orElse(1);
    int low = (int) Math.floor(Math.log10(least));
    int high = Math.max(low + 1, (int) Math.ceil(Math.log10(most)));
    int first = hasZeros ? low - 1 : low;
    DoubleUnaryOperator place =
        value -> value > 0 ? (Math.log10(value) - first) / (high - first) : 0;
    var ticks = new ArrayList<Tick>();
    if (hasZeros) {
      ticks.add(new Tick(0, "0"));
    }
    int step = Math.ceilDiv(high - low, MOST_DECADES);
    for (int decade = low; decade <= high; decade += step) {
      ticks.add(new Tick(place.applyAsDouble(Math.pow(10, decade)), "1e" + decade));
      for (int factor : high - low <= FEW_DECADES && decade < high ? BETWEEN : new int[0]) {
        double value = factor * Math.pow(10, decade);
        ticks.add(new Tick(place.applyAsDouble(value), factor + "e" + decade));
      }
    }
    return new HtmlAxis(place, ticks);
  }

  double place(double value) {
    return place.applyAsDouble(value);
  }

  List<Tick> ticks() {
    return ticks;
  }

  /** The least of …, 1, 2, 5, 10, … by which a range is covered in so many steps. */
  static double step(double range, int steps) {
    if (!(range > 0)) {
      return 1;
    }
    double power = Math.pow(10, Math.floor(Math.log10(range / steps)));
    return DoubleStream.of(1, 2, 5, 10)
        .map(factor -> factor * power)
        .filter(step -> step * steps >= range * (1 - ROUNDING))
        .findFirst()
        .orElse(10 * power);
  }

  /** A multiple of a step, with the decimals that tell it from its neighbours. */
  static String label(double value, double step) {
    int decimals = Math.max(0, (int) -Math.floor(Math.log10(step) + ROUNDING));
    return decimals > MOST_DECIMALS
        ? String.format(Locale.ROOT, "%.1e", value)
        : String.format(Locale.ROOT, "%." + decimals + "f", value);
  }
}
