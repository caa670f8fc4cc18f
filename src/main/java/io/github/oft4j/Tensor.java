package io.github.oft4j;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.TensorMemory;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A dense array of numbers in native memory, on any device of libtorch.
 *
 * {@snippet :
 * var w = step.tensor(new float[] {1, 2}).requireGrad(true);
 * var loss = w.mul(w).sum();
 * loss.backward();
 * float[] gradient = w.grad().orElseThrow().toFloatArray(); // 2, 4
 * }
 *
 * <p>Its shape and element type never change. Operations make new tensors in the youngest scope of
 * their operands; they are recorded for {@link #backward()} where an operand {@linkplain
 * #requiresGrad requires gradients}. Every other operator of libtorch is called by {@link
 * Operators}.
 *
 * <p>Any number of threads may read a tensor. Its elements may be written, by {@link #copyFrom} or
 * through {@link #segment}, while no other thread uses it.
 */
public final class Tensor extends NativeObject
    implements TensorArithmetic, TensorShapes, TensorReductions, TensorFunctions {
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
    return copy(scope, data, JAVA_FLOAT, data.length, DType.FLOAT32, shape);
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
    return copy(scope, data, JAVA_DOUBLE, data.length, DType.FLOAT64, shape);
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
    return copy(scope, data, JAVA_LONG, data.length, DType.INT64, shape);
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
    return copy(scope, data, JAVA_BYTE, data.length, DType.UINT8, shape);
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
    try (var call = Call.open()) {
      return create(call, scope, TensorInfo.of(dtype, shape), shape);
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
    try (var call = Call.open()) {
      call.check(
          OftC.oft_tensor_from_blob(
              memory,
              memory.byteSize(),
              dtype.code(),
              call.longs(shape),
              shape.length,
              call.out(),
              call.error()));
      var info = TensorInfo.of(dtype, shape);
      return own(scope, call.outPointer(), info, 0, memory);
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
    return info.shape();
  }

  /**
   * The number of dimensions.
   *
   * @return 0 for a scalar
   */
  public int dim() {
    return info.dim();
  }

  /**
   * The size of one dimension.
   *
   * @param dim negative: counted from the end
   * @return at least 0
   * @throws OFTArgumentException where there is no such dimension
   */
  public long size(int dim) {
    return info.size(dim);
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
   * Where the elements are.
   *
   * @return never null
   */
  public Device device() {
    try (var call = Call.open()) {
      var tensor = call.lease(handle);
      return Device.parse(
          call.text(
              (buffer, capacity, outSize, outError) ->
                  OftC.oft_tensor_device(tensor, buffer, capacity, outSize, outError)));
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
   * Copies the elements, converted to byte as to {@link DType#UINT8}.
   *
   * @return row-major; 255 is -1
   * @throws OFTArgumentException where there are more than an array can hold
   */
  public byte[] toByteArray() {
    byte[] array = new byte[arrayLength()];
    read(DType.UINT8, data -> MemorySegment.copy(data, JAVA_BYTE, 0, array, 0, array.length));
    return array;
  }

  /**
   * The only element, converted to double.
   *
   * @return its value
   * @throws OFTArgumentException where there is not exactly one
   */
  public double item() {
    if (numel() != 1) {
      throw new OFTArgumentException(this + " has " + numel() + " elements: item() needs one");
    }
    try (var call = Call.open()) {
      return TensorMemory.number(call, call.lease(handle), info.dtype().code());
    }
  }

  /**
   * The elements themselves, without a copy, row-major, in the machine's byte order. The segment
   * dies with the scope that owns the tensor now: touching it afterwards throws {@link
   * IllegalStateException}. Parameters of a model are written by {@link #copyFrom} instead, which
   * tells libtorch that they have changed.
   *
   * @return {@code numel() * dtype().byteSize()} bytes, for any thread
   * @throws OFTUnsupportedException where the elements have gaps, or are not on the processor: see
   *     {@link #contiguous} and {@link #to(Device)}
   */
  public MemorySegment segment() {
    OFTScope owner = scope();
    View known = view;
    if (known == null || known.scope() != owner) {
      try (var call = Call.open()) {
        MemorySegment data = TensorMemory.data(call, call.lease(handle), this);
        known = new View(owner.state().view(handle, data, data.byteSize()), owner);
        view = known;
      }
    }
    return known.segment();
  }

  /**
   * Whether operations on this tensor are recorded for {@link #backward()}.
   *
   * @return true for parameters that train, and for what was made from them
   */
  public boolean requiresGrad() {
    try (var call = Call.open()) {
      call.check(OftC.oft_tensor_requires_grad(call.lease(handle), call.out(), call.error()));
      return call.outInt() != 0;
    }
  }

  /**
   * Sets whether operations on this tensor are recorded from now on.
   *
   * @param requires true to record
   * @return this
   * @throws OFTArgumentException where the elements are integers
   * @throws OFTStateException for the result of a recorded operation: {@link #detach} it
   */
  public Tensor requireGrad(boolean requires) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_tensor_set_requires_grad(call.lease(handle), requires ? 1 : 0, call.error()));
    }
    return this;
  }

  /**
   * What {@link #backward()} has added up in this tensor since gradients were dropped last.
   *
   * @return shares memory with the gradient, and belongs to the scope of this tensor (see {@link
   *     #in}); empty where there is none yet
   */
  public Optional<Tensor> grad() {
    try (var call = Call.open()) {
      call.check(OftC.oft_tensor_grad(call.lease(handle), call.out(), call.error()));
      return adoptNullable(call, scope());
    }
  }

  /**
   * Adds the gradients of this number to the tensors that it was made from, and forgets the record.
   *
   * @throws OFTStateException where nothing was recorded, or the record was used already
   * @throws OFTArgumentException where this is not one number
   */
  public void backward() {
    try (var call = Call.open()) {
      call.check(OftC.oft_tensor_backward(call.lease(handle), call.none(), 0, call.error()));
    }
  }

  /**
   * Adds the gradients of this result to the tensors that it was made from.
   *
   * @param gradient that of this tensor, of its shape
   * @param retainGraph whether the record can be used again
   * @throws OFTStateException where nothing was recorded, or the record was used already
   * @throws OFTArgumentException where the shapes differ
   */
  public void backward(Tensor gradient, boolean retainGraph) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_tensor_backward(
              call.lease(handle), call.lease(gradient.handle), retainGraph ? 1 : 0, call.error()));
    }
  }

  /**
   * Overwrites the elements, which is not recorded, also for parameters that train.
   *
   * @param source its shape broadcasts to this one, its elements are converted
   * @throws OFTArgumentException where the shapes do not fit
   */
  public void copyFrom(Tensor source) {
    try (var temporary = OFTScope.open()) {
      Operators.tensor("aten::copy_", in(temporary).detach(), source.in(temporary).detach());
    }
  }

  /**
   * This very tensor as an object of another scope: what is made from it joins that scope, where it
   * is the younger one.
   *
   * {@snippet :
   * double norm = parameter.in(step).grad().orElseThrow().norm().item(); // dies with the step
   * }
   *
   * @param target owner of the result
   * @return shares memory, gradient and record
   */
  public Tensor in(OFTScope target) {
    try (var call = Call.open()) {
      var value = call.values(1).add(handle).single();
      call.check(OftC.oft_value_to_tensor(value, call.out(), call.error()));
      return own(target, call.outPointer(), info, info.byteSize(), handle.anchor());
    }
  }

  /**
   * Joins tensors along a dimension.
   *
   * @param tensors of one shape but for {@code dim}, at least one
   * @param dim negative: counted from the end
   * @return a new tensor in their youngest scope
   * @throws OFTArgumentException where the shapes do not fit
   */
  public static Tensor cat(List<Tensor> tensors, long dim) {
    return Operators.tensor("aten::cat", new Object[] {tensors, dim});
  }

  /**
   * Joins tensors along a new dimension.
   *
   * @param tensors of one shape, at least one
   * @param dim where the result has it
   * @return a new tensor in their youngest scope
   * @throws OFTArgumentException where the shapes differ
   */
  public static Tensor stack(List<Tensor> tensors, long dim) {
    return Operators.tensor("aten::stack", new Object[] {tensors, dim});
  }

  /**
   * Picks each element from one of two tensors.
   *
   * @param condition {@link DType#BOOL}
   * @param yes taken where the condition holds
   * @param no taken elsewhere
   * @return of the shape that all three broadcast to
   * @throws OFTArgumentException where the shapes do not fit
   */
  public static Tensor where(Tensor condition, Tensor yes, Tensor no) {
    return Operators.tensor("aten::where.self", condition, yes, no);
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
      info = describe(call, pointer);
    } catch (Throwable t) {
      NativeType.TENSOR.destroy(pointer.address());
      throw t;
    }
    return own(scope, pointer, info, info.byteSize(), anchor);
  }

  /** The same where the out-parameter may be NULL. */
  static Optional<Tensor> adoptNullable(Call call, OFTScope scope) {
    return call.outAddress() == 0 ? Optional.empty() : Optional.of(adopt(call, scope, null));
  }

  private static TensorInfo describe(Call call, MemorySegment tensor) {
    DType dtype = DType.ofCode(TensorMemory.dtype(call, tensor));
    long[] sizes = call.sizes();
    int dims = TensorMemory.sizes(call, tensor, sizes);
    if (dims > sizes.length) {
      sizes = new long[dims];
      TensorMemory.sizes(call, tensor, sizes);
    }
    return TensorInfo.of(dtype, sizes, dims);
  }

  private static Tensor own(
      OFTScope scope, MemorySegment pointer, TensorInfo info, long bytes, Object anchor) {
    var handle = new NativeHandle(pointer, NativeType.TENSOR, info, bytes, anchor);
    return new Tensor(scope, scope.own(handle), info);
  }

  private static Tensor create(Call call, OFTScope scope, TensorInfo info, long[] shape) {
    call.check(
        OftC.oft_tensor_create(
            info.dtype().code(), call.longs(shape), shape.length, call.out(), call.error()));
    return own(scope, call.outPointer(), info, info.byteSize(), null);
  }

  private static Tensor copy(
      OFTScope scope, Object array, ValueLayout layout, int length, DType dtype, long[] shape) {
    var info = TensorInfo.of(dtype, shape);
    if (info.numel() != length) {
      throw new OFTArgumentException("an array of " + length + " elements cannot fill " + info);
    }
    try (var call = Call.open()) {
      Tensor tensor = create(call, scope, info, shape);
      TensorMemory.fill(call, call.lease(tensor.handle), array, layout, length);
      return tensor;
    }
  }

  private int arrayLength() {
    if (numel() > Integer.MAX_VALUE) {
      throw new OFTArgumentException(
          this + " has more elements than a Java array: read it through segment()");
    }
    return (int) numel();
  }

  private void read(DType wanted, Consumer<MemorySegment> reader) {
    try (var call = Call.open()) {
      reader.accept(
          TensorMemory.elements(call, call.lease(handle), info.dtype() == wanted, wanted.code()));
    }
  }
}
