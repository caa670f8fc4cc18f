package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HtmlAxisTest {
  private static final double TOLERANCE = 1e-9;

  @ParameterizedTest
  @CsvSource({
    "0, 33.6, 8, '0° 5° 10° 15° 20° 25° 30° 35°'",
    "0, 40, 8, '0° 5° 10° 15° 20° 25° 30° 35° 40°'",
    "0.7, 0.71, 5, '0.700° 0.702° 0.704° 0.706° 0.708° 0.710°'",
    "-1, 1, 4, '-1.0° -0.5° 0.0° 0.5° 1.0°'",
    "3, 3, 8, '3° 4°'",
    "0, 2e-9, 2, '0.0e+00° 1.0e-09° 2.0e-09°'",
    "99.9, 250, 3, '0° 100° 200° 300°'",
  })
  void linearAxesHaveRoundNumbers(double low, double high, int steps, String labels) {
    assertEquals(labels, labels(HtmlAxis.linear(low, high, steps, "°")));
  }

  @Test
  void linearAxesPlaceTheirTicks() {
    HtmlAxis axis = HtmlAxis.linear(0.1, 0.9, 5, "");
    assertEquals("0.0 0.2 0.4 0.6 0.8 1.0", labels(axis));
    assertEquals(0.5, axis.place(0.5), TOLERANCE);
    for (HtmlAxis.Tick tick : axis.ticks()) {
      assertEquals(tick.place(), axis.place(Double.parseDouble(tick.label())), TOLERANCE);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2e-7, 3e-7, '1e-7 2e-7 5e-7 1e-6'",
    "1e-7, 1e-1, '1e-7 1e-6 1e-5 1e-4 1e-3 1e-2 1e-1'",
    "1e-15, 0.5, '1e-15 1e-13 1e-11 1e-9 1e-7 1e-5 1e-3 1e-1'",
    "1, 1, '1e0 2e0 5e0 1e1'",
    "0, 1e-3, '0 1e-3 2e-3 5e-3 1e-2'",
    "0, 0, '0 1e0 2e0 5e0 1e1'",
  })
  void logarithmicAxesHavePowersOfTen(double low, double high, String labels) {
    HtmlAxis axis = HtmlAxis.logarithmic(DoubleStream.of(high, low));
    assertEquals(labels, labels(axis));
    for (HtmlAxis.Tick tick : axis.ticks()) {
      assertEquals(tick.place(), axis.place(Double.parseDouble(tick.label())), TOLERANCE);
    }
  }

  @Test
  void anAxisOfNothingIsStillOne() {
    assertEquals("1e0 2e0 5e0 1e1", labels(HtmlAxis.logarithmic(DoubleStream.empty())));
  }

  private static String labels(HtmlAxis axis) {
    List<String> labels = axis.ticks().stream().map(HtmlAxis.Tick::label).toList();
    return String.join(" ", labels);
  }
}
