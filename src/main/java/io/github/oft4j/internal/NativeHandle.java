package io.github.oft4j.internal;

import io.github.oft4j.OFTStateException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A native object and the calls that use it now.
 *
 * <p>A call holds a lease as long as it runs. Closing refuses new leases and waits for no one: the
 * object is destroyed by whoever gives back the last lease, at once where there is none. So a
 * handle is destroyed exactly once, and never under a running call. It refers to no object of the
 * façade, which lets a Cleaner hold it.
 */
public final class NativeHandle {
  /** What destroys a native object. */
  @FunctionalInterface
  public interface Destroyer {
    /**
     * Destroys a native object.
     *
     * @param address the object
     */
    void destroy(long address);
  }

  private static final int CLOSED = 1;
  private static final int LEASE = 2;
  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(NativeHandle.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final MemorySegment pointer;
  private final Destroyer destroyer;
  private final Object label;
  private final long bytes;
  private final Object anchor;
  private volatile int state;

  /** The place among the handles of a scope, which guards these three. */
  ScopeState owner;

  NativeHandle older;
  NativeHandle younger;

  /**
   * Takes ownership of a native object.
   *
   * @param pointer the object
   * @param destroyer destroys it
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
      current = state;
      if ((current & CLOSED) != 0) {
        throw closed();
      }
    } while (!STATE.compareAndSet(this, current, current + LEASE));
    return pointer;
  }

  void release() {
    if ((int) STATE.getAndAdd(this, -LEASE) - LEASE == CLOSED) {
      destroy();
    }
  }

  /** Refuses further leases and destroys the object, now or with the last lease. Idempotent. */
  void close() {
    int current;
    do {
      current = state;
      if ((current & CLOSED) != 0) {
        return;
      }
    } while (!STATE.compareAndSet(this, current, current | CLOSED));
    if (current == 0) {
      destroy();
    }
  }

  @Override
  public String toString() {
    return label.toString();
  }

  private OFTStateException closed() {
    return new OFTStateException(
        label + " is closed: the scope that owned it was closed; moveTo(scope) keeps an object");
  }

  private void destroy() {
    destroyer.destroy(pointer.address());
    NativeMemory.freed(bytes);
  }
}
