package io.github.oft4j.internal;

import io.github.oft4j.OFTStateException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.concurrent.locks.LockSupport;

/**
 * What a scope owns: handles, child scopes, and the arena of zero-copy views. As the action of a
 * Cleaner it refers to no scope and no object of the façade.
 *
 * <p>Its lock guards the sets and is never held while native code runs.
 */
public final class ScopeState implements Runnable {
  private static final boolean DEBUG = Boolean.getBoolean("oft4j.debug");
  private static final long RETRY_NANOS = 1_000_000;

  private final ScopeState parent;
  private final Throwable openedAt = DEBUG ? new Throwable("OFTScope opened") : null;
  private final SequencedSet<NativeHandle> handles = new LinkedHashSet<>();
  private final SequencedSet<ScopeState> children = new LinkedHashSet<>();
  private Arena views;
  private boolean closed;

  /**
   * The state of a new scope.
   *
   * @param parent closes this one with itself; null for a root
   * @throws OFTStateException where the parent is closed
   */
  public ScopeState(ScopeState parent) {
    this.parent = parent;
    if (parent != null) {
      synchronized (parent) {
        parent.checkOpen();
        parent.children.add(this);
      }
    }
  }

  /**
   * Whether the scope takes objects.
   *
   * @return false once it was closed
   */
  public synchronized boolean isOpen() {
    return !closed;
  }

  /**
   * Takes ownership of an object, or destroys it where the scope was closed meanwhile.
   *
   * @param handle owned by nobody
   * @throws OFTStateException where the scope is closed
   */
  public void add(NativeHandle handle) {
    try {
      synchronized (this) {
        checkOpen();
        handles.add(handle);
      }
    } catch (OFTStateException e) {
      handle.close();
      throw e;
    }
  }

  /**
   * Hands an object over to another scope.
   *
   * @param handle owned by this scope
   * @param target its new owner
   * @throws OFTStateException where either scope is closed, or this one does not own the object
   */
  public void move(NativeHandle handle, ScopeState target) {
    synchronized (this) {
      checkOpen();
      if (!handles.remove(handle)) {
        throw new OFTStateException("the object was moved out of this OFTScope meanwhile");
      }
    }
    target.add(handle);
  }

  /**
   * Destroys an object before the scope is closed; without effect where that happened already.
   *
   * @param handle owned by this scope
   */
  public void free(NativeHandle handle) {
    synchronized (this) {
      handles.remove(handle);
    }
    handle.close();
  }

  /**
   * A view of an object's memory, valid until this scope is closed.
   *
   * @param handle owned by this scope; it keeps the memory until then, wherever it moves
   * @param data the memory
   * @param size bytes
   * @return accessible from any thread
   * @throws OFTStateException where the scope is closed
   */
  public MemorySegment view(NativeHandle handle, MemorySegment data, long size) {
    synchronized (this) {
      checkOpen();
      if (views == null) {
        views = Arena.ofShared();
      }
      handle.lease();
      return data.reinterpret(size, views, _ -> handle.release());
    }
  }

  /**
   * Closes the children, then destroys the objects, the youngest first. Those in use are destroyed
   * when they no longer are. Idempotent.
   */
  public void close() {
    List<ScopeState> closedChildren;
    List<NativeHandle> closedHandles;
    Arena closedViews;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      closedChildren = List.copyOf(children.reversed());
      closedHandles = List.copyOf(handles.reversed());
      closedViews = views;
      children.clear();
      handles.clear();
      views = null;
    }
    if (parent != null) {
      synchronized (parent) {
        parent.children.remove(this);
      }
    }
    closedChildren.forEach(ScopeState::close);
    closedHandles.forEach(NativeHandle::close);
    if (closedViews != null && !tryClose(closedViews)) {
      closeWhenUnused(closedViews);
    }
  }

  /** What the Cleaner does with a scope that became unreachable. */
  @Override
  public void run() {
    int forgotten;
    synchronized (this) {
      if (closed) {
        return;
      }
      forgotten = handles.size();
    }
    if (forgotten > 0) {
      System.getLogger("io.github.oft4j")
          .log(
              System.Logger.Level.WARNING,
              "an OFTScope that owned "
                  + forgotten
                  + " native object(s) was never closed, and is now unreachable; "
                  + (DEBUG
                      ? "it was opened here:"
                      : "-Doft4j.debug=true tells where it was opened"),
              openedAt);
    }
    close();
  }

  private void checkOpen() {
    if (closed) {
      throw new OFTStateException("the OFTScope is closed: open another one");
    }
  }

  /** An arena refuses to close while another thread reads a view of it inside a system call. */
  private static boolean tryClose(Arena arena) {
    try {
      arena.close();
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  private static void closeWhenUnused(Arena arena) {
    Thread.ofVirtual()
        .name("oft4j-views")
        .start(
            () -> {
              while (!tryClose(arena)) {
                LockSupport.parkNanos(RETRY_NANOS);
              }
            });
  }
}
