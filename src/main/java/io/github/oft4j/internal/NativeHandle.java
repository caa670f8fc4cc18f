package io.github.oft4j.internal;

import io.github.oft4j.OFTStateException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A native object and the calls that use it now.
 *
 * <p>A call holds a lease as long as it runs. Closing refuses new leases and waits for no one: the
 * object is destroyed by whoever gives back the last lease, at once where there is none. So a
 * handle is destroyed exactly once, and never under a running call. It refers to no object of the
 * façade, which lets a Cleaner hold it.
 */
public final class NativeHandle {
  /** A destroy function of the C ABI. */
  @FunctionalInterface
  public interface Destroyer {
    /**
     * Destroys a native object.
     *
     * @param pointer the object
     */
    void destroy(MemorySegment pointer);
  }

  private static final int CLOSED = 1;
  private static final int LEASE = 2;

  private final MemorySegment pointer;
  private final Destroyer destroyer;
  private final Object label;
  private final long bytes;
  private final Object anchor;
  private final AtomicInteger state = new AtomicInteger();

  /**
   * Takes ownership of a native object.
   *
   * @param pointer the object
   * @param destroyer its destroy function
   * @param label what {@code toString()} tells of the object in messages; must not refer to a scope
   * @param bytes native memory that the object holds, 0 where it is small or borrowed
   * @param anchor kept reachable as long as this handle: Java memory that the object uses, or null
   */
  public NativeHandle(
      MemorySegment pointer, Destroyer destroyer, Object label, long bytes, Object anchor) {
    this.pointer = pointer;
    this.destroyer = destroyer;
    this.label = label;
    this.bytes = bytes;
    this.anchor = anchor;
    NativeMemory.allocated(bytes);
  }

  /**
   * The Java memory that the object uses, for handles that come to share it.
   *
   * @return null where there is none
   */
  public Object anchor() {
    return anchor;
  }

  /**
   * Takes a lease, to be given back by {@link #release}.
   *
   * @return the object, valid until then
   * @throws OFTStateException where the handle is closed
   */
  MemorySegment lease() {
    int current;
    do {
      current = state.get();
      if ((current & CLOSED) != 0) {
        throw new OFTStateException(
            label
                + " is closed: the scope that owned it was closed; moveTo(scope) keeps an object");
      }
    } while (!state.compareAndSet(current, current + LEASE));
    return pointer;
  }

  void release() {
    if (state.addAndGet(-LEASE) == CLOSED) {
      destroy();
    }
  }

  /** Refuses further leases and destroys the object, now or with the last lease. Idempotent. */
  void close() {
    int current;
    do {
      current = state.get();
      if ((current & CLOSED) != 0) {
        return;
      }
    } while (!state.compareAndSet(current, current | CLOSED));
    if (current == 0) {
      destroy();
    }
  }

  @Override
  public String toString() {
    return label.toString();
  }

  private void destroy() {
    destroyer.destroy(pointer);
    NativeMemory.freed(bytes);
  }
}
