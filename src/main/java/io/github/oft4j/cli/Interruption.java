package io.github.oft4j.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C or a polite kill. While a job that can be cancelled runs, the process stays until the job
 * has cleaned up, but no longer than a user waits before pressing again.
 */
final class Interruption implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 10;

  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean requested;
  private volatile boolean cancellable;

  /** Listens to the signals that end this process. */
  static Interruption onShutdown() {
    var interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(new Thread(interruption::request, "oft-interruption"));
    return interruption;
  }

  /** Tells that the job from now on asks {@link #requested} now and then. */
  void beginCancellableJob() {
    cancellable = true;
  }

  boolean requested() {
    return requested;
  }

  void request() {
    requested = true;
    try {
      if (cancellable) {
        ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets the process end. */
  @Override
  public void close() {
    ended.countDown();
  }
}
