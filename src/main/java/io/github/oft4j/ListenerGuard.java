package io.github.oft4j;

import io.github.oft4j.internal.Call;

/** An exception must not unwind native frames: it cancels, and is thrown after the job ended. */
final class ListenerGuard implements Call.Progress {
  private final ProgressListener listener;
  private Throwable thrown;

  private ListenerGuard(ProgressListener listener) {
    this.listener = listener;
  }

  /** Null where there is no listener. */
  static ListenerGuard of(ProgressListener listener) {
    return listener == null ? null : new ListenerGuard(listener);
  }

  /** As {@link Call#check}, but throws what the listener threw, where that cancelled the job. */
  static void check(Call call, int status, ListenerGuard guard) {
    try {
      call.check(status);
    } catch (OFTCancelledException cancelled) {
      throw guard == null ? cancelled : guard.cause(cancelled);
    }
  }

  @Override
  public boolean report(long done, long total) {
    try {
      return listener.onProgress(done, total);
    } catch (Throwable t) {
      thrown = t;
      return false;
    }
  }

  private RuntimeException cause(OFTCancelledException cancelled) {
    return switch (thrown) {
      case null -> cancelled;
      case Error error -> throw error;
      case RuntimeException exception -> exception;
      default -> new IllegalStateException("a ProgressListener threw", thrown);
    };
  }
}
