package io.github.oft4j.train;

/**
 * A step that was done.
 *
 * @param step from 1
 * @param totalSteps of the whole training
 * @param epoch from 0, the one that the step's batches belong to
 * @param loss mean over the step's batches, before the step
 * @param learningRate of the first parameter group
 * @param gradientNorm before it was clipped
 * @param seconds since this run began
 */
public record StepReport(
    long step,
    long totalSteps,
    long epoch,
    double loss,
    double learningRate,
    double gradientNorm,
    double seconds) {}
