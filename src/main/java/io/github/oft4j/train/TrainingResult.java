package io.github.oft4j.train;

import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How a training ended.
 *
 * @param steps done, those before a resume included
 * @param stepsOfThisRun done since {@link Trainer#fit} was called
 * @param loss of the last step; empty where nothing was left to do
 * @param best the best evaluation; empty without a metric
 * @param isStoppedEarly whether early stopping ended it
 * @param isBestRestored whether the model now has the adapters of the best evaluation
 * @param seconds since {@link Trainer#fit} was called
 */
public record TrainingResult(
    long steps,
    long stepsOfThisRun,
    OptionalDouble loss,
    Optional<EvaluationReport> best,
    boolean isStoppedEarly,
    boolean isBestRestored,
    double seconds) {}
