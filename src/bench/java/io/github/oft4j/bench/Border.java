package io.github.oft4j.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.OFT;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** The C ABI without the façade: one set of slots, used again by every call. */
final class Border implements AutoCloseable {
  final Arena arena = Arena.ofShared();
  final MemorySegment out = arena.allocate(ADDRESS);
  final MemorySegment size = arena.allocate(ADDRESS);
  final MemorySegment error = arena.allocate(ADDRESS);
  final MemorySegment sizes = arena.allocate(JAVA_LONG, 8);

  /** Says once in each process which library is measured. */
  Border() {
    System.out.println("# liboft: " + OFT.buildInfo());
  }

  /** The object in the out-parameter of a call that must have succeeded. */
  MemorySegment made(int status) {
    check(status);
    return out.get(ADDRESS, 0);
  }

  static void check(int status) {
    if (status != OftC.OFT_STATUS_OK()) {
      throw new AssertionError("status " + status);
    }
  }

  /** UTF-8 bytes, without a terminator. */
  MemorySegment text(String text) {
    return arena.allocateFrom(JAVA_BYTE, text.getBytes(StandardCharsets.UTF_8));
  }

  /** A vector. */
  MemorySegment tensor(float... elements) {
    return tensor(arena.allocateFrom(JAVA_LONG, elements.length), elements);
  }

  /** A tensor of any shape. */
  MemorySegment tensor(MemorySegment shape, float... elements) {
    long dims = shape.byteSize() / JAVA_LONG.byteSize();
    MemorySegment tensor =
        made(OftC.oft_tensor_create(OftC.OFT_DTYPE_FLOAT32(), shape, dims, out, error));
    check(OftC.oft_tensor_data(tensor, out, size, error));
    MemorySegment data = out.get(ADDRESS, 0).reinterpret(size.get(JAVA_LONG, 0));
    MemorySegment.copy(elements, 0, data, JAVA_FLOAT, 0, elements.length);
    return tensor;
  }

  /** The first element of a float tensor. */
  float first(MemorySegment tensor) {
    check(OftC.oft_tensor_data(tensor, out, size, error));
    return out.get(ADDRESS, 0).reinterpret(size.get(JAVA_LONG, 0)).get(JAVA_FLOAT, 0);
  }

  static void requireEqual(double facade, double c) {
    if (facade != c) {
      throw new AssertionError("the façade gives " + facade + ", C gives " + c);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
