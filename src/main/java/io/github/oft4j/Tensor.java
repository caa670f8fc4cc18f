package io.github.oft4j;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.TensorMemory;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * A dense array of numbers in native memory, row-major.
 *
 * <p>Its shape and element type never change. Any number of threads may read it; its elements may
 * be written through {@link #segment} before others see it.
 */
public final class Tensor extends NativeObject {
  private final TensorInfo info;
  private volatile View view;

  /** A segment, and the scope that it dies with. */
  private record View(MemorySegment segment, OFTScope scope) {}

  private Tensor(OFTScope scope, NativeHandle handle, TensorInfo info) {
    super(scope, handle);
    this.info = info;
  }

  /**
   * A {@link DType#FLOAT32} tensor with a copy of the elements.
   *
   * @param scope its owner
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for a scalar
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public static Tensor of(OFTScope scope, float[] data, long... shape) {
    return copy(scope, MemorySegment.ofArray(data), data.length, DType.FLOAT32, shape);
  }

  /**
   * A {@link DType#FLOAT64} tensor with a copy of the elements.
   *
   * @param scope its owner
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for a scalar
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public static Tensor of(OFTScope scope, double[] data, long... shape) {
    return copy(scope, MemorySegment.ofArray(data), data.length, DType.FLOAT64, shape);
  }

  /**
   * An {@link DType#INT64} tensor with a copy of the elements.
   *
   * @param scope its owner
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for a scalar
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public static Tensor of(OFTScope scope, long[] data, long... shape) {
    return copy(scope, MemorySegment.ofArray(data), data.length, DType.INT64, shape);
  }

  /**
   * A {@link DType#UINT8} tensor with a copy of the elements.
   *
   * @param scope its owner
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for a scalar
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public static Tensor of(OFTScope scope, byte[] data, long... shape) {
    return copy(scope, MemorySegment.ofArray(data), data.length, DType.UINT8, shape);
  }

  /**
   * A tensor of zeros, to be filled through {@link #segment}.
   *
   * @param scope its owner
   * @param dtype element type
   * @param shape sizes; none for a scalar
   * @return a new tensor
   * @throws OFTArgumentException where a size is negative
   * @throws OFTMemoryException where the memory does not suffice
   */
  public static Tensor zeros(OFTScope scope, DType dtype, long... shape) {
    try (var call = new Call()) {
      call.check(
          OftC.oft_tensor_create(
              dtype.code(), call.longs(shape), shape.length, call.out(), call.error()));
      return adopt(call, scope, null);
    }
  }

  /**
   * A tensor over memory of the caller, without a copy. The memory must stay valid and unchanged
   * until the scope is closed, and so for objects made from this tensor that outlive it; memory of
   * {@link java.lang.foreign.Arena#ofAuto} is kept reachable so long.
   *
   * @param scope its owner
   * @param memory native memory of exactly the bytes that type and shape need, row-major
   * @param dtype element type
   * @param shape sizes; none for a scalar
   * @return a new tensor
   * @throws OFTArgumentException where {@code memory} is on the Java heap, closed, or of another
   *     size
   */
  public static Tensor wrap(OFTScope scope, MemorySegment memory, DType dtype, long... shape) {
    if (!memory.isNative() || !memory.scope().isAlive()) {
      throw new OFTArgumentException(
          "memory of a tensor must be native and alive: allocate it from an open Arena, or copy an"
              + " array with Tensor.of");
    }
    try (var call = new Call()) {
      call.check(
          OftC.oft_tensor_from_blob(
              memory,
              memory.byteSize(),
              dtype.code(),
              call.longs(shape),
              shape.length,
              call.out(),
              call.error()));
      var info = new TensorInfo(dtype, shape.clone());
      var handle = new NativeHandle(call.outPointer(), OftC::oft_tensor_destroy, info, 0, memory);
      return new Tensor(scope, scope.own(handle), info);
    }
  }

  /**
   * The element type.
   *
   * @return never null
   */
  public DType dtype() {
    return info.dtype();
  }

  /**
   * The sizes of the dimensions.
   *
   * @return a new array; empty for a scalar
   */
  public long[] shape() {
    return info.shape().clone();
  }

  /**
   * The number of elements.
   *
   * @return the product of the sizes
   */
  public long numel() {
    return info.numel();
  }

  /**
   * A contiguous copy in another element type, owned by the same scope.
   *
   * @param dtype of the result
   * @return a new tensor
   */
  public Tensor to(DType dtype) {
    try (var call = new Call()) {
      call.check(OftC.oft_tensor_to(call.lease(handle), dtype.code(), call.out(), call.error()));
      return adopt(call, scope(), null);
    }
  }

  /**
   * Copies the elements, converted to float.
   *
   * @return row-major
   * @throws OFTArgumentException where there are more than an array can hold
   */
  public float[] toFloatArray() {
    float[] array = new float[arrayLength()];
    read(DType.FLOAT32, data -> MemorySegment.copy(data, JAVA_FLOAT, 0, array, 0, array.length));
    return array;
  }

  /**
   * Copies the elements, converted to double.
   *
   * @return row-major
   * @throws OFTArgumentException where there are more than an array can hold
   */
  public double[] toDoubleArray() {
    double[] array = new double[arrayLength()];
    read(DType.FLOAT64, data -> MemorySegment.copy(data, JAVA_DOUBLE, 0, array, 0, array.length));
    return array;
  }

  /**
   * Copies the elements, converted to long; fractions are cut off.
   *
   * @return row-major
   * @throws OFTArgumentException where there are more than an array can hold
   */
  public long[] toLongArray() {
    long[] array = new long[arrayLength()];
    read(DType.INT64, data -> MemorySegment.copy(data, JAVA_LONG, 0, array, 0, array.length));
    return array;
  }

  /**
   * The elements themselves, without a copy, in the machine's byte order. The segment dies with the
   * scope that owns the tensor now: touching it afterwards throws {@link IllegalStateException}.
   *
   * @return {@code numel() * dtype().byteSize()} bytes, for any thread
   */
  public MemorySegment segment() {
    OFTScope owner = scope();
    View known = view;
    if (known == null || known.scope() != owner) {
      try (var call = new Call()) {
        MemorySegment data = TensorMemory.data(call, call.lease(handle));
        known = new View(owner.state().view(handle, data, data.byteSize()), owner);
        view = known;
      }
    }
    return known.segment();
  }

  /**
   * Describes the tensor, not its elements.
   *
   * @return for example {@code Tensor(float32, [2, 3])}
   */
  @Override
  public String toString() {
    return info.toString();
  }

  /**
   * Takes the new tensor in the call's out-parameter.
   *
   * @param anchor Java memory that it shares, or null
   */
  static Tensor adopt(Call call, OFTScope scope, Object anchor) {
    MemorySegment pointer = call.outPointer();
    TensorInfo info;
    try {
      info =
          new TensorInfo(
              DType.ofCode(TensorMemory.dtype(call, pointer)), TensorMemory.shape(call, pointer));
    } catch (Throwable t) {
      OftC.oft_tensor_destroy(pointer);
      throw t;
    }
    var handle = new NativeHandle(pointer, OftC::oft_tensor_destroy, info, info.byteSize(), anchor);
    return new Tensor(scope, scope.own(handle), info);
  }

  private static Tensor copy(
      OFTScope scope, MemorySegment data, int length, DType dtype, long... shape) {
    var info = new TensorInfo(dtype, shape);
    if (info.numel() != length) {
      throw new OFTArgumentException("an array of " + length + " elements cannot fill " + info);
    }
    Tensor tensor = zeros(scope, dtype, shape);
    try (var call = new Call()) {
      TensorMemory.data(call, call.lease(tensor.handle)).copyFrom(data);
    }
    return tensor;
  }

  private int arrayLength() {
    if (numel() > Integer.MAX_VALUE) {
      throw new OFTArgumentException(
          this + " has more elements than a Java array: read it through segment()");
    }
    return (int) numel();
  }

  private void read(DType wanted, Consumer<MemorySegment> reader) {
    try (var call = new Call()) {
      MemorySegment tensor = call.lease(handle);
      if (info.dtype() != wanted) {
        call.check(OftC.oft_tensor_to(tensor, wanted.code(), call.out(), call.error()));
        tensor = call.own(call.outPointer(), OftC::oft_tensor_destroy);
      }
      reader.accept(TensorMemory.data(call, tensor));
    }
  }
}
