package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.MergeReport;
import io.github.oft4j.MergedLayer;
import io.github.oft4j.OFT;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** A merge, told to a person. */
final class MergeSummary {
  private static final double SHORTEST_SECONDS = 1e-6;

  private MergeSummary() {}

  static String of(Path base, List<AdapterArgument> adapters, Path target, MergeReport report) {
    var facts = new Facts("Merged into " + base);
    for (AdapterArgument adapter : adapters) {
      facts.fact("adapter", adapter + " (" + makerAndFormula(adapter.path()) + ")");
    }
    byComponent(report.layers())
        .forEach(
            (component, layers) ->
                facts.fact(
                    component.isEmpty() ? "layers" : component,
                    kinds(layers) + ", " + blockSizes(layers)));
    if (!report.layers().isEmpty()) {
      facts.fact("rotation", rotation(report));
    }
    facts.list("replaced", report.replaced());
    if (report.verifyTolerance() > 0) {
      facts.fact("verification", verification(report));
    }
    return facts
        .fact("written", isWritten(report) ? target + " (" + volume(report) + ")" : "nothing")
        .warnings(report.warnings())
        .toString();
  }

  /** A merge that fails its verification leaves nothing. */
  private static boolean isWritten(MergeReport report) {
    return report.verified() || report.verifyTolerance() == 0;
  }

  private static String verification(MergeReport report) {
    var errors =
        report.layers().stream()
            .flatMapToDouble(layer -> layer.verifyError().stream())
            .summaryStatistics();
    if (!report.verified() && errors.getMax() <= report.verifyTolerance()) {
      return "FAILED: a merged weight is not finite, or off by more than its type explains";
    }
    return "%s: %s recomputed in float64, largest difference %s (tolerance %s)"
        .formatted(
            report.verified() ? "passed" : "FAILED",
            Figures.count(errors.getCount(), "layer"),
            Figures.error(errors.getMax()),
            Figures.error(report.verifyTolerance()));
  }

  private static String makerAndFormula(Path adapter) {
    JsonNode description = Documents.parse(OFT.describe(adapter));
    return description.path("maker").asText()
        + ", "
        + AdapterText.formula(description.path("config"));
  }

  private static Map<String, List<MergedLayer>> byComponent(List<MergedLayer> layers) {
    return layers.stream()
        .collect(Collectors.groupingBy(MergedLayer::component, TreeMap::new, Collectors.toList()));
  }

  /** For example "40 Linear, 1 Embedding". */
  private static String kinds(List<MergedLayer> layers) {
    return layers.stream()
        .collect(
            Collectors.groupingBy(
                layer -> layer.kind().jsonName(), TreeMap::new, Collectors.counting()))
        .entrySet()
        .stream()
        .map(kind -> kind.getValue() + " " + kind.getKey())
        .collect(Collectors.joining(", "));
  }

  private static String blockSizes(List<MergedLayer> layers) {
    var sizes = layers.stream().mapToLong(MergedLayer::blockSize).summaryStatistics();
    return sizes.getMin() == sizes.getMax()
        ? "blocks of " + sizes.getMin()
        : "blocks of " + sizes.getMin() + " to " + sizes.getMax();
  }

  private static String rotation(MergeReport report) {
    return "worst ‖RᵀR−I‖ "
        + Figures.error(report.orthogonalityError())
        + ", largest angle "
        + Figures.degrees(report.largestAngle());
  }

  private static String volume(MergeReport report) {
    double seconds = Math.max(report.seconds(), SHORTEST_SECONDS);
    return String.format(
        Locale.ROOT,
        "%s in %s, %.2f s, %s/s",
        ByteSize.format(report.bytesWritten()),
        Figures.count(report.files().size(), "file"),
        seconds,
        ByteSize.format((long) (report.bytesWritten() / seconds)));
  }
}
