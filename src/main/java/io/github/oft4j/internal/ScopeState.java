package io.github.oft4j.internal;

import io.github.oft4j.OFTStateException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.SequencedSet;
import java.util.concurrent.locks.LockSupport;

/**
 * What a scope owns: handles, child scopes, and the arena of zero-copy views. As the action of a
 * Cleaner it refers to no scope and no object of the façade.
 *
 * <p>Handles are linked to each other, so that one comes and goes without an allocation. The lock
 * guards links and children and is never held while native code runs.
 */
public final class ScopeState implements Runnable {
  private static final boolean DEBUG = Boolean.getBoolean("oft4j.debug");
  private static final long RETRY_NANOS = 1_000_000;
  private static final SequencedSet<ScopeState> NO_CHILDREN =
      Collections.unmodifiableSequencedSet(new LinkedHashSet<>());

  private final ScopeState parent;
  private final Throwable openedAt = DEBUG ? new Throwable("OFTScope opened") : null;
  private NativeHandle youngest;
  private SequencedSet<ScopeState> children = NO_CHILDREN;
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
        if (parent.children == NO_CHILDREN) {
          parent.children = new LinkedHashSet<>();
        }
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
        link(handle);
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
      if (!unlink(handle)) {
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
      unlink(handle);
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
    SequencedSet<ScopeState> closedChildren;
    NativeHandle closedHandle;
    Arena closedViews;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      closedChildren = children;
      closedHandle = youngest;
      closedViews = views;
      children = NO_CHILDREN;
      youngest = null;
      views = null;
    }
    if (parent != null) {
      synchronized (parent) {
        if (!parent.closed) {
          parent.children.remove(this);
        }
      }
    }
    closedChildren.reversed().forEach(ScopeState::close);
    while (closedHandle != null) {
      NativeHandle older = closedHandle.older;
      forget(closedHandle);
      closedHandle.close();
      closedHandle = older;
    }
    if (closedViews != null && !tryClose(closedViews)) {
      closeWhenUnused(closedViews);
    }
  }

  /** What the Cleaner does with a scope that became unreachable. */
  @Override
  public void run() {
    int forgotten = 0;
    synchronized (this) {
      if (closed) {
        return;
      }
      for (NativeHandle handle = youngest; handle != null; handle = handle.older) {
        forgotten++;
      }
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

  private void link(NativeHandle handle) {
    handle.owner = this;
    handle.older = youngest;
    if (youngest != null) {
      youngest.younger = handle;
    }
    youngest = handle;
  }

  /** False where this scope does not own the handle, or no longer. */
  private boolean unlink(NativeHandle handle) {
    if (closed || handle.owner != this) {
      return false;
    }
    if (handle.younger == null) {
      youngest = handle.older;
    } else {
      handle.younger.older = handle.older;
    }
    if (handle.older != null) {
      handle.older.younger = handle.younger;
    }
    forget(handle);
    return true;
  }

  /** A handle that someone keeps does not keep its neighbours. */
  private static void forget(NativeHandle handle) {
    handle.owner = null;
    handle.older = null;
    handle.younger = null;
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
