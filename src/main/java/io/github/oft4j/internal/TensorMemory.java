package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.OFTUnsupportedException;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a native tensor tells of itself. */
public final class TensorMemory {
  /** All of it: reading one number at an address makes no segment. */
  private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private TensorMemory() {}

  /**
   * The element type.
   *
   * @param call of this moment
   * @param tensor an {@code oft_tensor}
   * @return an {@code oft_dtype}
   */
  public static int dtype(Call call, MemorySegment tensor) {
    call.check(OftC.oft_tensor_dtype(tensor, call.out(), call.error()));
    return call.outInt();
  }

  /**
   * Reads the sizes of the dimensions.
   *
   * @param call of this moment
   * @param tensor an {@code oft_tensor}
   * @param sizes receives them where they fit
   * @return how many there are
   */
  public static int sizes(Call call, MemorySegment tensor, long[] sizes) {
    MemorySegment memory = call.longs(sizes);
    call.check(OftC.oft_tensor_sizes(tensor, memory, sizes.length, call.out(), call.error()));
    int dims = (int) call.outLong();
    MemorySegment.copy(memory, JAVA_LONG, 0, sizes, 0, Math.min(dims, sizes.length));
    return dims;
  }

  /**
   * The elements themselves.
   *
   * @param call the call that leases the tensor
   * @param tensor an {@code oft_tensor}
   * @param label what messages call the tensor
   * @return borrowed from the tensor, row-major
   * @throws OFTUnsupportedException where they have gaps, or are not on the processor
   */
  public static MemorySegment data(Call call, MemorySegment tensor, Object label) {
    MemorySegment data = find(call, tensor);
    if (data == null) {
      throw new OFTUnsupportedException(
          label
              + " is not contiguous on the cpu, so that its memory has no plain view: call"
              + " to(Device.cpu()).contiguous() first");
    }
    return data;
  }

  /**
   * The elements, copied where they are not as wanted: contiguous, on the processor, of a type.
   *
   * @param call owns the copy and leases the tensor
   * @param tensor an {@code oft_tensor}
   * @param isWantedType whether the tensor has the type already
   * @param dtype the {@code oft_dtype} wanted
   * @return row-major, valid as long as the call
   */
  public static MemorySegment elements(
      Call call, MemorySegment tensor, boolean isWantedType, int dtype) {
    MemorySegment data = isWantedType ? find(call, tensor) : null;
    if (data != null) {
      return data;
    }
    call.check(OftC.oft_tensor_to(tensor, dtype, call.out(), call.error()));
    return find(call, call.own(NativeType.TENSOR));
  }

  /**
   * Overwrites the elements of a new tensor.
   *
   * @param call the call that leases the tensor
   * @param tensor an {@code oft_tensor} that lies in a row on the processor
   * @param array of primitives
   * @param layout of its elements
   * @param length how many there are
   */
  public static void fill(
      Call call, MemorySegment tensor, Object array, ValueLayout layout, int length) {
    call.check(OftC.oft_tensor_data(tensor, call.out(), call.secondOut(), call.error()));
    MemorySegment.copy(array, 0, MEMORY, layout, call.outAddress(), length);
  }

  /**
   * The only element, converted to double.
   *
   * @param call the call that leases the tensor
   * @param tensor an {@code oft_tensor} of one element
   * @param dtype its {@code oft_dtype}
   * @return its value
   */
  public static double number(Call call, MemorySegment tensor, int dtype) {
    if (isPlain(dtype) && locate(call, tensor)) {
      long address = call.outAddress();
      return dtype == OftC.OFT_DTYPE_FLOAT32()
          ? MEMORY.get(JAVA_FLOAT, address)
          : dtype == OftC.OFT_DTYPE_FLOAT64()
              ? MEMORY.get(JAVA_DOUBLE, address)
              : MEMORY.get(JAVA_LONG, address);
    }
    return elements(call, tensor, false, OftC.OFT_DTYPE_FLOAT64()).get(JAVA_DOUBLE, 0);
  }

  /** Whether Java has the type of the elements, so that none need be converted. */
  private static boolean isPlain(int dtype) {
    return dtype == OftC.OFT_DTYPE_FLOAT32()
        || dtype == OftC.OFT_DTYPE_FLOAT64()
        || dtype == OftC.OFT_DTYPE_INT64();
  }

  /** Null where the elements have gaps, or are not on the processor. */
  private static MemorySegment find(Call call, MemorySegment tensor) {
    return locate(call, tensor)
        ? call.outPointer().reinterpret(call.secondOut().get(JAVA_LONG, 0))
        : null;
  }

  /** Whether the elements lie in a row on the processor; then the out-parameters say where. */
  private static boolean locate(Call call, MemorySegment tensor) {
    int status = OftC.oft_tensor_data(tensor, call.out(), call.secondOut(), call.error());
    if (status == OftC.OFT_STATUS_UNSUPPORTED()) {
      call.dropError();
      return false;
    }
    call.check(status);
    return true;
  }
}
