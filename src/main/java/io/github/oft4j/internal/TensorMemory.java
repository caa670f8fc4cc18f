package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

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
   * The elements.
   *
   * @param call the call that leases the tensor
   * @param tensor an {@code oft_tensor}
   * @return borrowed from the tensor, row-major
   */
  public static MemorySegment data(Call call, MemorySegment tensor) {
    MemorySegment size = call.longs(0);
    call.check(OftC.oft_tensor_data(tensor, call.out(), size, call.error()));
    return call.outPointer().reinterpret(size.get(JAVA_LONG, 0));
  }
}
