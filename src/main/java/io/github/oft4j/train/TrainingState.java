package io.github.oft4j.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.oft4j.OFTParseException;

/**
 * Where a training is, between two steps.
 *
 * @param step how many steps are done
 * @param epoch the epoch of the next batch, from 0
 * @param batch how many batches of that epoch are used up
 * @param best the best evaluation; null before the first one
 * @param evaluationsSinceBest how many evaluations were no better
 * @param logBytes length of the log
 */
record TrainingState(
    long step,
    long epoch,
    long batch,
    EvaluationReport best,
    long evaluationsSinceBest,
    long logBytes) {

  static final TrainingState START = new TrainingState(0, 0, 0, null, 0, 0);

  TrainingState advanced(long batches, boolean isEpochOver) {
    return new TrainingState(
        step + 1,
        isEpochOver ? epoch + 1 : epoch,
        isEpochOver ? 0 : batch + batches,
        best,
        evaluationsSinceBest,
        logBytes);
  }

  TrainingState evaluated(EvaluationReport report) {
    return new TrainingState(
        step,
        epoch,
        batch,
        report.isBest() ? report : best,
        report.isBest() ? 0 : evaluationsSinceBest + 1,
        logBytes);
  }

  TrainingState logged(long bytes) {
    return new TrainingState(step, epoch, batch, best, evaluationsSinceBest, bytes);
  }

  String toJson() {
    var json = JsonNodeFactory.instance.objectNode();
    json.put("step", step).put("epoch", epoch).put("batch", batch);
    if (best != null) {
      json.putObject("best").put("step", best.step()).put("value", best.value());
    }
    return json.put("evaluations_since_best", evaluationsSinceBest)
        .put("log_bytes", logBytes)
        .toPrettyString();
  }

  /** Reads what {@link #toJson} wrote. */
  static TrainingState parse(String text) {
    try {
      JsonNode json = new ObjectMapper().readTree(text);
      JsonNode best = json.get("best");
      return new TrainingState(
          json.required("step").longValue(),
          json.required("epoch").longValue(),
          json.required("batch").longValue(),
          best == null
              ? null
              : new EvaluationReport(
                  best.required("step").longValue(), best.required("value").doubleValue(), true),
          json.required("evaluations_since_best").longValue(),
          json.required("log_bytes").longValue());
    } catch (JsonProcessingException | IllegalArgumentException e) {
      throw new OFTParseException(e.getMessage());
    }
  }
}
