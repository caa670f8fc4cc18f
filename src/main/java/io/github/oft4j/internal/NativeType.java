package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.function.Supplier;

/** The types of native objects, each with the function that destroys one. */
public enum NativeType implements NativeHandle.Destroyer {
  /** {@code oft_adapter}. */
  ADAPTER(OftC::oft_adapter_destroy$address),
  /** {@code oft_checkpoint_merge}. */
  CHECKPOINT_MERGE(OftC::oft_checkpoint_merge_destroy$address),
  /** {@code oft_config}. */
  CONFIG(OftC::oft_config_destroy$address),
  /** {@code oft_error}. */
  ERROR(OftC::oft_error_destroy$address),
  /** {@code oft_model}. */
  MODEL(OftC::oft_model_destroy$address),
  /** {@code oft_optimizer}. */
  OPTIMIZER(OftC::oft_optimizer_destroy$address),
  /** {@code oft_rotation}. */
  ROTATION(OftC::oft_rotation_destroy$address),
  /** {@code oft_script}. */
  SCRIPT(OftC::oft_script_destroy$address),
  /** {@code oft_tensor}. */
  TENSOR(OftC::oft_tensor_destroy$address),
  /** {@code oft_text}. */
  TEXT(OftC::oft_text_destroy$address),
  /** {@code oft_value}. */
  VALUE(OftC::oft_value_destroy$address);

  /** All of one form; a pointer that crosses as a number needs no object to hold it. */
  private static final MethodHandle DESTROY =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG));

  private final Supplier<MemorySegment> lookup;
  private MemorySegment function; // looked up when first needed

  NativeType(Supplier<MemorySegment> lookup) {
    this.lookup = lookup;
  }

  @Override
  public void destroy(long address) {
    MemorySegment known = function;
    if (known == null) {
      known = lookup.get();
      function = known;
    }
    try {
      DESTROY.invokeExact(known, address);
    } catch (Throwable t) {
      throw new AssertionError("native code throws nothing", t);
    }
  }
}
