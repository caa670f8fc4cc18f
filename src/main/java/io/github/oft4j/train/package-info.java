/**
 * Trains the adapters of an {@link io.github.oft4j.OFTModel}: a loop with gradient accumulation,
 * schedules, evaluation, early stopping, a log, and checkpoints from which it goes on as if it had
 * never stopped. {@link io.github.oft4j.train.Trainer} is where to begin.
 *
 * <p>It is built on the public façade alone; whoever needs another loop writes one with {@link
 * io.github.oft4j.Optimizer}.
 */
package io.github.oft4j.train;
