package io.github.oft4j;

import io.github.oft4j.internal.NativeHandle;

/** A native object, and the scope that owns it. */
abstract sealed class NativeObject permits Tensor, Rotation, AdapterFile {
  final NativeHandle handle;
  private volatile OFTScope scope;

  /** Takes a handle that the scope owns already. */
  NativeObject(OFTScope scope, NativeHandle handle) {
    this.scope = scope;
    this.handle = handle;
  }

  /**
   * The scope that owns this object.
   *
   * @return open or closed
   */
  public final OFTScope scope() {
    return scope;
  }

  /**
   * Gives this object to another scope, which it then lives and dies with.
   *
   * @param target the new owner
   * @throws OFTStateException where the owner or the target is closed (the object is freed where
   *     only the target is), or another thread moves the object at this moment
   */
  public final void moveTo(OFTScope target) {
    scope.state().move(handle, target.state());
    scope = target;
  }
}
