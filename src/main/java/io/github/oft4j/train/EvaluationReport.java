package io.github.oft4j.train;

/**
 * An evaluation that was done.
 *
 * @param step how many steps the model has trained
 * @param value of the {@link Metric}
 * @param isBest whether no evaluation before was as good
 */
public record EvaluationReport(long step, double value, boolean isBest) {}
