package io.github.oft4j.cli;

import io.github.oft4j.CheckReport;
import io.github.oft4j.CheckedLayer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/**
 * A check as one HTML page. It is whole without its script, which sorts and filters the table of
 * layers.
 */
final class CheckPage {
  /** How many lines of a list stand in the open; the rest unfolds. */
  private static final int OPEN_LINES = 8;

  private final CheckReport report;
  private final List<CheckedLayer> layers;
  private final CheckSummary summary;

  private CheckPage(CheckReport report) {
    this.report = report;
    layers =
        report.layers().stream()
            .sorted(Comparator.comparing(LayerFigures::title, new NaturalOrder()))
            .toList();
    summary = CheckSummary.of(layers);
  }

  /** An HTML document in UTF-8. */
  static byte[] html(CheckReport report, Path base, Path adapter) {
    var page = new CheckPage(report);
    Html main = Html.of("main").add(page.header(base, adapter), page.figures());
    main.add(page.findings(), page.matching()).add(page.measurements());
    return HtmlPage.of("oft check: " + adapter + " on " + base, main, "check");
  }

  private Html header(Path base, Path adapter) {
    return Html.of("header")
        .add(Html.of("h1", "Check of an OFT adapter"))
        .add(
            Html.of("p", summary.verdict(report))
                .style(report.problems().isEmpty() ? "verdict good" : "verdict bad"))
        .add(
            Html.of("dl")
                .style("facts")
                .add(fact("adapter", adapter.toString()))
                .add(fact("base", base.toString()))
                .add(fact("maker", report.maker())));
  }

  private Html figures() {
    return section(
        "Summary",
        Html.of("dl")
            .style("figures")
            .add(fact("layers", Figures.number(summary.layers())))
            .add(fact("blocks", Figures.number(summary.blocks())))
            .add(fact("largest angle", Figures.degrees(summary.largestAngle())))
            .add(fact("mean angle", Figures.degrees(summary.meanAngle())))
            .add(fact("worst ‖RᵀR−I‖", Figures.error(summary.orthogonalityError())))
            .add(fact("energy change", Figures.percent(summary.energyChange()))));
  }

  private Html findings() {
    Html section = section("Problems and warnings");
    if (report.problems().isEmpty() && report.warnings().isEmpty()) {
      section.add(Html.of("p", "None."));
    }
    if (!report.problems().isEmpty()) {
      section.add(Html.of("h3", Figures.count(report.problems().size(), "problem")));
      section.add(list("problems", report.problems()));
    }
    if (!report.warnings().isEmpty()) {
      section.add(Html.of("h3", Figures.count(report.warnings().size(), "warning")));
      section.add(list("warnings", report.warnings()));
    }
    return section;
  }

  private Html matching() {
    Html rows =
        Html.of("tbody")
            .add(match("matched", layers.size(), "adapter layers with a base weight", List.of()))
            .add(match("missing", report.missing(), "adapter layers without one"))
            .add(match("unused", report.unused(), "adapter tensors that are not understood"))
            .add(match("replaced", report.replaced(), "base parameters replaced whole"));
    return section(
        "Matching",
        Html.of("table")
            .attribute("id", "matching")
            .add(Html.of("caption", "What of the adapter meets what of the base"))
            .add(rows));
  }

  private static Html match(String what, int count, String meaning, List<String> names) {
    Html cell = Html.of("td", meaning);
    if (!names.isEmpty()) {
      cell.add(list("names", names));
    }
    return Html.of("tr")
        .add(Html.of("th", what).attribute("scope", "row"))
        .add(Html.of("td", Figures.number(count)).style("number"), cell);
  }

  private static Html match(String what, List<String> names, String meaning) {
    return match(what, names.size(), meaning, names);
  }

  private List<Html> measurements() {
    if (layers.isEmpty()) {
      return List.of(section("Layers", Html.of("p", "None was measured.")));
    }
    var charts = new CheckCharts(layers);
    return List.of(
        section(
            "Rotation angles",
            Html.of("p", "How far a block turns, in the plane where it turns most."),
            charts.angleHistogram(),
            charts.angleProfile(),
            charts.largestAngles()),
        section(
            "Hyperspherical energy",
            Html.of(
                "p",
                "That of a weight's neurons as charges on a sphere, before and after the merge; on"
                    + " the output side, of what each input feeds. An orthogonal rotation keeps"
                    + " it, as it keeps the angles between them."),
            charts.energies()),
        section(
            "Orthogonality",
            Html.of(
                "p",
                "‖RᵀR−I‖ of the worst block of a layer. An exact rotation has 0, or about 1e-7 by"
                    + " rounding; a Cayley–Neumann series has more, the wider it turns."),
            charts.orthogonality()),
        section("Layers", Html.of("div").style("wide").add(CheckTable.of(layers))));
  }

  private static Html section(String title, Html... content) {
    return Html.of("section").add(Html.of("h2", title)).add(content);
  }

  private static Html fact(String name, String value) {
    return Html.of("div").add(Html.of("dt", name), Html.of("dd", value));
  }

  /** Those beyond the first lines are folded. */
  private static Html list(String style, List<String> lines) {
    Html list = Html.of("div").style(style);
    list.add(items(lines.subList(0, Math.min(OPEN_LINES, lines.size()))));
    if (lines.size() > OPEN_LINES) {
      List<String> rest = lines.subList(OPEN_LINES, lines.size());
      list.add(
          Html.of("details")
              .add(Html.of("summary", "… and " + Figures.number(rest.size()) + " more"))
              .add(items(rest)));
    }
    return list;
  }

  private static Html items(List<String> lines) {
    return Html.of("ul").add(lines.stream().map(line -> Html.of("li", line)).toList());
  }
}
