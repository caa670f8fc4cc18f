package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class InterruptionTest {
  private static final Duration SOON = Duration.ofSeconds(5); // half of the patience with a job

  @Test
  void holdsTheProcessUntilTheJobHasEnded() throws InterruptedException {
    var interruption = new Interruption();
    interruption.beginCancellableJob();
    var hook = new Thread(interruption::request);
    hook.start();
    hook.join(Duration.ofMillis(100));
    assertTrue(interruption.requested());
    assertTrue(hook.isAlive());
    interruption.close();
    assertTrue(hook.join(SOON));
  }

  @Test
  void doesNotWaitForAJobThatNeverAsks() {
    var interruption = new Interruption();
    assertFalse(interruption.requested());
    assertTimeoutPreemptively(SOON, interruption::request);
    assertTrue(interruption.requested());
  }
}
