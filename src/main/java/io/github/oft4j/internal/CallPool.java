package io.github.oft4j.internal;

import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * {@link Call}s at rest, so that one that opens allocates nothing. It belongs to no thread: virtual
 * threads come in any number, and a call may open while another one of its thread is open.
 *
 * <p>A call is here or with the thread that took it, never both: it is handed over by an atomic
 * exchange. Where none is at rest nearby, a new one is made; where there is no room nearby, it is
 * left to the garbage collector.
 */
final class CallPool {
  private static final int CALLS = 64;
  private static final int STRIDE = 16; // references: places of two threads share no cache line
  private static final int PROBES = 4;

  private static final AtomicReferenceArray<Call> PLACES =
      new AtomicReferenceArray<>(CALLS * STRIDE);

  private CallPool() {}

  static Call take() {
    int home = home();
    for (int i = 0; i < PROBES; i++) {
      int place = place(home + i);
      Call call = PLACES.get(place);
      if (call != null && PLACES.compareAndSet(place, call, null)) {
        return call;
      }
    }
    return new Call();
  }

  static void put(Call call) {
    int home = home();
    for (int i = 0; i < PROBES; i++) {
      int place = place(home + i);
      if (PLACES.get(place) == null && PLACES.compareAndSet(place, null, call)) {
        return;
      }
    }
  }

  private static int home() {
    return (int) Thread.currentThread().threadId();
  }

  private static int place(int number) {
    return (number & (CALLS - 1)) * STRIDE;
  }
}
