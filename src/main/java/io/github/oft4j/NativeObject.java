package io.github.oft4j;

import io.github.oft4j.internal.NativeHandle;

/** A native object, and the scope that owns it. */
abstract sealed class NativeObject
    permits Tensor, Rotation, AdapterFile, ScriptModule, OFTModelView, Optimizer {
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

  /**
   * Frees this object now instead of with its scope; where another thread uses it at this moment,
   * when that call returns. Closing again has no effect.
   */
  public final void close() {
    scope.state().free(handle);
  }

  /**
   * What messages call this object.
   *
   * @return for example {@code ScriptModule encoder.pt}
   */
  @Override
  public String toString() {
    return handle.toString();
  }
}
