package io.github.oft4j.internal;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes of native memory behind open handles. The garbage collector does not see them, so that
 * forgotten scopes would pile up on an almost empty Java heap: each time the bytes have grown by
 * {@value #THRESHOLD_PROPERTY} (default 1 GiB; 0 turns it off), a collection is asked for, after
 * which the Cleaner closes the scopes that nobody can reach.
 */
final class NativeMemory {
  static final String THRESHOLD_PROPERTY = "oft4j.gcThreshold";

  private static final long THRESHOLD = Long.getLong(THRESHOLD_PROPERTY, 1L << 30);
  private static final AtomicLong HELD = new AtomicLong();
  private static final AtomicLong NEXT_COLLECTION = new AtomicLong(THRESHOLD);

  private NativeMemory() {}

  static void allocated(long bytes) {
    if (bytes == 0) {
      return;
    }
    long held = HELD.addAndGet(bytes);
    long next = NEXT_COLLECTION.get();
    if (THRESHOLD > 0 && held > next && NEXT_COLLECTION.compareAndSet(next, held + THRESHOLD)) {
      System.gc();
    }
  }

  static void freed(long bytes) {
    if (bytes == 0) {
      return;
    }
    long next = HELD.addAndGet(-bytes) + THRESHOLD;
    if (next < NEXT_COLLECTION.get()) {
      NEXT_COLLECTION.accumulateAndGet(next, Math::min);
    }
  }

  static long held() {
    return HELD.get();
  }
}
