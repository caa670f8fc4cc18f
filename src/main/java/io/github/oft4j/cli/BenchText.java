package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** What was measured, for a person. */
final class BenchText {
  private BenchText() {}

  static String of(BenchReport report, List<Path> written) {
    var facts = new Facts("oft bench, medians; ÷ oft: so many times as long, or as much, as oft");
    facts.table(table(report.cases())).line("");
    JsonNode machine = report.document().path("machine");
    JsonNode oft = machine.path("oft");
    facts.fact("machine", report.machine());
    facts.fact("oft", oft.path("oft").asText() + ", linear: " + oft.path("linear").asText());
    facts.fact("libtorch", oft.path("torch").asText());
    facts.fact("BLAS", machine.path("blas").asText());
    facts.fact("oneDNN", machine.path("onednn").asText());
    facts.fact("peer", peer(report.document().path("peer")));
    report.leftOut().forEach(what -> facts.fact("left out", what));
    written.forEach(file -> facts.fact("written", file.toString()));
    return facts.toString();
  }

  private static String peer(JsonNode peer) {
    return peer.isObject()
        ? "PEFT %s on torch %s, %s"
            .formatted(
                peer.path("peft").asText(),
                peer.path("torch").asText(),
                Figures.count(peer.path("threads").asLong(), "thread"))
        : "none: --peer names a Python with PEFT, and './oft test --peft' makes one";
  }

  private static Table table(List<BenchReport.Case> cases) {
    var table =
        new Table("work", "", "contender", " median", " lowest … highest", " ÷ oft", " oft ÷");
    String work = "";
    for (BenchReport.Case one : cases) {
      String unit = one.unit();
      for (BenchReport.Contender contender : one.contenders()) {
        boolean isFirst = contender == one.ours();
        table.row(
            isFirst && !one.work().equals(work) ? one.work() : "",
            isFirst ? one.name() : "",
            contender.name(),
            figure(contender.median(), unit),
            contender.lowest() == contender.highest()
                ? ""
                : figure(contender.lowest(), unit) + " … " + figure(contender.highest(), unit),
            isFirst ? "" : ratio(1 / one.ratioTo(contender)),
            isFirst ? "" : ratio(one.ratioTo(contender)));
        work = one.work();
      }
    }
    return table;
  }

  /** Three digits and a unit. */
  static String figure(double value, String unit) {
    if (unit.equals("B")) {
      return ByteSize.format(Math.round(value));
    }
    double size = Math.abs(value);
    if (size < 1e-3) {
      return digits(value * 1e6) + " µs";
    }
    return size < 1 ? digits(value * 1e3) + " ms" : digits(value) + " s";
  }

  static String ratio(double value) {
    return digits(value) + " ×";
  }

  private static String digits(double value) {
    double size = Math.abs(value);
    if (size < 0.1 && size > 0) {
      return new BigDecimal(value).round(new MathContext(2)).toPlainString();
    }
    return String.format(Locale.ROOT, size < 10 ? "%.2f" : size < 100 ? "%.1f" : "%.0f", value);
  }
}
