package io.github.oft4j.train;

import io.github.oft4j.OFTArgumentException;

/**
 * How the learning rate goes: from 0 up to its value in the warm-up, then down again, or not. The
 * formulas are those of transformers' {@code get_constant_schedule_with_warmup}, {@code
 * get_linear_schedule_with_warmup} and {@code get_cosine_schedule_with_warmup}.
 *
 * @param decay what follows the warm-up
 * @param warmupSteps length of the warm-up; 0 where {@code warmupRatio} tells it
 * @param warmupRatio length of the warm-up as a share of all steps; 0 where {@code warmupSteps}
 *     tells it
 */
public record Schedule(Decay decay, long warmupSteps, double warmupRatio) {
  /** What follows the warm-up. */
  public enum Decay {
    /** The full rate up to the end. */
    CONSTANT,
    /** A straight line to 0. */
    LINEAR,
    /** Half a wave to 0. */
    COSINE
  }

  /**
   * Checks the warm-up; {@link #constant}, {@link #linear} and {@link #cosine} are the way here.
   */
  public Schedule {
    if (warmupSteps < 0) {
      throw new OFTArgumentException(
          "a warm-up of " + warmupSteps + " steps cannot be: give 0 or more");
    }
    if (!(warmupRatio >= 0 && warmupRatio <= 1)) {
      throw new OFTArgumentException(
          "a warm-up over the share " + warmupRatio + " of all steps cannot be: give 0 to 1");
    }
    if (warmupSteps > 0 && warmupRatio > 0) {
      throw new OFTArgumentException(
          "a warm-up has either steps (" + warmupSteps + ") or a ratio (" + warmupRatio + ")");
    }
  }

  /**
   * The full rate from the first step to the last.
   *
   * @return without warm-up
   */
  public static Schedule constant() {
    return new Schedule(Decay.CONSTANT, 0, 0);
  }

  /**
   * A straight line down to 0.
   *
   * @return without warm-up
   */
  public static Schedule linear() {
    return new Schedule(Decay.LINEAR, 0, 0);
  }

  /**
   * Half a cosine wave down to 0.
   *
   * @return without warm-up
   */
  public static Schedule cosine() {
    return new Schedule(Decay.COSINE, 0, 0);
  }

  /**
   * The same with a warm-up.
   *
   * @param steps 0 or more; the first step has the rate 0
   * @return a new schedule
   */
  public Schedule warmupSteps(long steps) {
    return new Schedule(decay, steps, 0);
  }

  /**
   * The same with a warm-up.
   *
   * @param ratio its share of all steps, 0 to 1, rounded up to whole steps
   * @return a new schedule
   */
  public Schedule warmupRatio(double ratio) {
    return new Schedule(decay, 0, ratio);
  }

  /**
   * What a step's learning rate is multiplied by.
   *
   * @param step from 0
   * @param totalSteps of the whole training
   * @return 0 to 1
   */
  public double factor(long step, long totalSteps) {
    long warmup = warmupRatio > 0 ? (long) Math.ceil(totalSteps * warmupRatio) : warmupSteps;
    if (step < warmup) {
      return (double) step / warmup;
    }
    double decaySteps = Math.max(1, totalSteps - warmup);
    return switch (decay) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, (totalSteps - step) / decaySteps);
      case COSINE -> 0.5 * (1 + Math.cos(Math.PI * Math.min(1, (step - warmup) / decaySteps)));
    };
  }
}
