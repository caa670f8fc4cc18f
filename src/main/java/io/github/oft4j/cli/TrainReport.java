package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.OFTModelInfo;
import io.github.oft4j.train.TrainingResult;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * What {@code oft train} did.
 *
 * @param before of the base model on the judged examples; null where none are
 * @param after of the adapted model on them; null where none are
 * @param files that were written, for a person
 */
record TrainReport(
    Path model,
    Path out,
    DataOptions.Split data,
    OFTModelInfo info,
    TrainingResult result,
    Exercise.Score before,
    Exercise.Score after,
    List<String> files,
    List<String> warnings) {
  private static final double SHORTEST_SECONDS = 1e-6;

  String toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("model", model.toString()).put("output", out.toString());
    json.put("examples", data.trained().length).put("evaluation_examples", data.judged().length);
    json.put("layers", info.layers().size());
    json.put("trainable_parameters", info.trainableParameters());
    json.put("all_parameters", info.allParameters());
    json.put("steps", result.steps()).put("steps_of_this_run", result.stepsOfThisRun());
    json.put("seconds", result.seconds());
    result.loss().ifPresent(loss -> json.put("loss", loss));
    put(json, "before", before);
    put(json, "after", after);
    result
        .best()
        .ifPresent(
            best -> json.putObject("best").put("step", best.step()).put("loss", best.value()));
    json.put("stopped_early", result.isStoppedEarly());
    json.put("best_restored", result.isBestRestored());
    files.forEach(json.putArray("files")::add);
    warnings.forEach(json.putArray("warnings")::add);
    return json.toPrettyString();
  }

  String text() {
    var facts = new Facts("Trained " + model);
    facts.fact("examples", examples());
    facts.fact("adapter", adapter());
    facts.fact("training", training());
    if (before != null) {
      facts.fact("base", score(before));
      facts.fact("adapted", score(after));
    }
    return facts
        .fact("written", out + " (" + String.join(", ", files) + ")")
        .warnings(warnings)
        .toString();
  }

  private String examples() {
    String judged =
        data.isJudged() ? String.format(Locale.ROOT, ", judged by %,d", data.judged().length) : "";
    return String.format(Locale.ROOT, "%,d", data.trained().length) + judged;
  }

  private String adapter() {
    JsonNode config = Documents.parse(info.adapters().getFirst().config());
    var sizes = info.layers().stream().mapToLong(OFTModelInfo.Layer::blockSize).summaryStatistics();
    return String.format(
        Locale.ROOT,
        "%s, %s, blocks of %s, %,d parameters beside %,d",
        Figures.count(info.layers().size(), "layer"),
        AdapterText.formula(config),
        sizes.getMin() == sizes.getMax()
            ? sizes.getMin()
            : sizes.getMin() + " to " + sizes.getMax(),
        info.trainableParameters(),
        info.allParameters() - info.trainableParameters());
  }

  private String training() {
    var text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%s in %.1f s, %.0f a second",
            Figures.count(result.stepsOfThisRun(), "step"),
            result.seconds(),
            result.stepsOfThisRun() / Math.max(result.seconds(), SHORTEST_SECONDS)));
    result.loss().ifPresent(loss -> text.append(", last loss ").append(number(loss)));
    if (result.isStoppedEarly()) {
      text.append(", stopped early");
    }
    if (result.isBestRestored()) {
      text.append(", best after step ").append(result.best().orElseThrow().step());
    }
    return text.toString();
  }

  private static String score(Exercise.Score score) {
    var text = new StringBuilder("loss ").append(number(score.loss()));
    score
        .accuracy()
        .ifPresent(
            right -> text.append(String.format(Locale.ROOT, ", %.1f %% right", 100 * right)));
    return text.toString();
  }

  static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  private static void put(ObjectNode json, String key, Exercise.Score score) {
    if (score != null) {
      ObjectNode node = json.putObject(key).put("loss", score.loss());
      score.accuracy().ifPresent(accuracy -> node.put("accuracy", accuracy));
    }
  }
}
