package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.OFTUnsupportedException;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;

/** What a native tensor tells of itself. */
public final class TensorMemory {
  private static final int USUAL_DIMS = 8;

  private TensorMemory() {}

  /**
   * The element type.
   *
   * @param call the call that leases the tensor
   * @param tensor an {@code oft_tensor}
   * @return an {@code oft_dtype}
   */
  public static int dtype(Call call, MemorySegment tensor) {
    call.check(OftC.oft_tensor_dtype(tensor, call.out(), call.error()));
    return call.outInt();
  }

  /**
   * The sizes of the dimensions.
   *
   * @param call the call that leases the tensor
   * @param tensor an {@code oft_tensor}
   * @return a new array
   */
  public static long[] shape(Call call, MemorySegment tensor) {
    MemorySegment sizes = call.longs(new long[USUAL_DIMS]);
    call.check(OftC.oft_tensor_sizes(tensor, sizes, USUAL_DIMS, call.out(), call.error()));
    long dims = call.outLong();
    if (dims > USUAL_DIMS) {
      sizes = call.longs(new long[(int) dims]);
      call.check(OftC.oft_tensor_sizes(tensor, sizes, dims, call.out(), call.error()));
    }
    return sizes.asSlice(0, dims * JAVA_LONG.byteSize()).toArray(JAVA_LONG);
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
    return find(call, call.own(call.outPointer(), OftC::oft_tensor_destroy));
  }

  /** Null where the elements have gaps, or are not on the processor. */
  private static MemorySegment find(Call call, MemorySegment tensor) {
    MemorySegment size = call.longs(0);
    int status = OftC.oft_tensor_data(tensor, call.out(), size, call.error());
    if (status == OftC.OFT_STATUS_UNSUPPORTED()) {
      call.dropError();
      return null;
    }
    call.check(status);
    return call.outPointer().reinterpret(size.get(JAVA_LONG, 0));
  }
}
