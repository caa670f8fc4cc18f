package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Two runs side by side, by their ratios: how long oft takes for each second of a bound or a peer
 * in the same run. Raw times would compare the machines' moods.
 *
 * @param worse beyond the tolerance
 * @param better beyond the tolerance
 * @param missing from the new run
 */
record BenchComparison(
    double tolerance,
    int compared,
    List<Change> worse,
    List<Change> better,
    List<String> missing,
    List<String> warnings) {

  /** A ratio then and now; a lower one is better. */
  record Change(String what, double before, double after) {
    double growth() {
      return after / before - 1;
    }
  }

  /** Reads two files. Fails where they have nothing in common. */
  static BenchComparison of(Path before, Path after, double tolerance) throws CliException {
    BenchReport then = BenchReport.read(before);
    BenchReport now = BenchReport.read(after);
    Map<String, Double> nowRatios = ratios(now);
    var changes = new ArrayList<Change>();
    var missing = new ArrayList<String>();
    ratios(then)
        .forEach(
            (what, ratio) -> {
              if (nowRatios.containsKey(what)) {
                changes.add(new Change(what, ratio, nowRatios.get(what)));
              } else {
                missing.add(what);
              }
            });
    if (changes.isEmpty()) {
      throw new CliException(
          ExitCode.BAD_INPUT,
          "%s and %s have no ratio in common: run the same works".formatted(before, after));
    }
    return new BenchComparison(
        tolerance,
        changes.size(),
        changes.stream().filter(change -> change.growth() > tolerance).toList(),
        changes.stream().filter(change -> change.growth() < -tolerance).toList(),
        missing,
        warnings(then, now));
  }

  private static Map<String, Double> ratios(BenchReport report) {
    var ratios = new LinkedHashMap<String, Double>();
    for (BenchReport.Case one : report.cases()) {
      for (BenchReport.Contender other : one.others()) {
        ratios.put(one.title() + ", to " + other.name(), one.ratioTo(other));
      }
    }
    return ratios;
  }

  private static List<String> warnings(BenchReport then, BenchReport now) {
    var warnings = new ArrayList<String>();
    for (String key : List.of("/machine/processor", "/machine/threads", "/machine/oft/torch")) {
      String before = then.document().at(key).asText();
      String after = now.document().at(key).asText();
      if (!before.equals(after)) {
        warnings.add("%s was %s and is %s".formatted(key.substring(1), before, after));
      }
    }
    if (then.document().path("tiny").asBoolean() || now.document().path("tiny").asBoolean()) {
      warnings.add("a run with --tiny is too short to compare");
    }
    return warnings;
  }

  String toJson() {
    var json = JsonNodeFactory.instance.objectNode();
    json.put("tolerance", tolerance).put("compared", compared);
    for (var entry : Map.of("worse", worse, "better", better).entrySet()) {
      var array = json.putArray(entry.getKey());
      for (Change change : entry.getValue()) {
        array
            .addObject()
            .put("what", change.what)
            .put("before", change.before)
            .put("after", change.after);
      }
    }
    missing.forEach(json.putArray("missing")::add);
    warnings.forEach(json.putArray("warnings")::add);
    return json.toPrettyString();
  }

  String text() {
    var facts = new Facts("oft bench, ratios of two runs");
    if (!worse.isEmpty() || !better.isEmpty()) {
      var table = new Table("what", " before", " after", " growth");
      worse.forEach(change -> add(table, change));
      better.forEach(change -> add(table, change));
      facts.table(table).line("");
    }
    facts.list("missing", missing).warnings(warnings);
    return facts.line(verdict()).toString();
  }

  private static void add(Table table, Change change) {
    table.row(
        change.what,
        BenchText.ratio(change.before),
        BenchText.ratio(change.after),
        String.format(Locale.ROOT, "%+.0f %%", 100 * change.growth()));
  }

  private String verdict() {
    return String.format(
        Locale.ROOT,
        "%s: %s of %,d beyond %.0f %% worse, %,d better",
        worse.isEmpty() ? "OK" : "FAILED",
        Figures.count(worse.size(), "ratio"),
        compared,
        100 * tolerance,
        better.size());
  }
}
