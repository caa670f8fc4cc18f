package io.github.oft4j.cli;

import java.awt.Color;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jfree.chart.axis.AxisLocation;
import org.jfree.chart.axis.LogarithmicAxis;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.plot.PlotOrientation;
import org.jfree.chart.renderer.category.BarRenderer;
import org.jfree.chart.renderer.category.StandardBarPainter;
import org.jfree.data.category.DefaultCategoryDataset;

/**
 * The picture of a benchmark, a row for each case: how many times as long others take. Bars to the
 * right of 1 are of slower ones.
 */
final class BenchPlot {
  private static final int ROW_HEIGHT = 34;
  private static final int FRAME_HEIGHT = 140;

  private static final String PEFT_OFT = "PEFT OFT";
  private static final String PEFT_LORA = "PEFT LoRA r 8";
  private static final String BOUND = "the bound: FMA peak, memory, cp, or no adapter";

  /** In the order of the bars of a row. */
  private static final List<String> SERIES = List.of(PEFT_OFT, PEFT_LORA, BOUND);

  private static final List<Color> COLORS =
      List.of(PlotStyle.BLUE, PlotStyle.LIGHT_BLUE, PlotStyle.ORANGE);

  private BenchPlot() {}

  /** An SVG document in UTF-8. */
  static byte[] svg(BenchReport report) throws CliException {
    List<BenchReport.Case> cases =
        report.cases().stream().filter(one -> !one.others().isEmpty()).toList();
    var data = new DefaultCategoryDataset();
    for (BenchReport.Case one : cases) {
      for (String series : SERIES) {
        data.addValue(
            bar(one, series).map(other -> 1 / one.ratioTo(other)).orElse(null),
            series,
            one.title());
      }
    }
    var axis = new LogarithmicAxis("time, or memory, of the other ÷ that of oft (logarithmic)");
    axis.setStrictValuesFlag(false);
    CategoryPlot plot = PlotStyle.rows(data, axis, bars());
    plot.setDomainAxis(PlotStyle.names());
    plot.setDomainGridlinesVisible(false);
    plot.setOrientation(PlotOrientation.HORIZONTAL);
    plot.setRangeAxisLocation(AxisLocation.BOTTOM_OR_LEFT);
    return Svg.of(
        new Svg.Panel(
            PlotStyle.chart("oft bench: " + report.machine(), plot),
            FRAME_HEIGHT + ROW_HEIGHT * cases.size()));
  }

  /** Whose bar a series has in a case: of several bounds that which leaves least to be gained. */
  private static Optional<BenchReport.Contender> bar(BenchReport.Case one, String series) {
    return one.others().stream()
        .filter(other -> series.equals(BOUND) ? other.isBound() : other.name().equals(series))
        .max(Comparator.comparingDouble(BenchReport.Contender::median));
  }

  private static BarRenderer bars() {
    var renderer = new BarRenderer();
    renderer.setBase(1);
    renderer.setIncludeBaseInRange(true);
    renderer.setBarPainter(new StandardBarPainter());
    renderer.setShadowVisible(false);
    renderer.setDrawBarOutline(false);
    renderer.setItemMargin(0);
    for (int i = 0; i < SERIES.size(); i++) {
      renderer.setSeriesPaint(i, COLORS.get(i));
    }
    return renderer;
  }
}
