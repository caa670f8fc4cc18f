package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.internal.ffm.OftC;
import io.github.oft4j.internal.ffm.oft_progress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One trip across the C ABI: its arena, its leases, its out-parameters, its error.
 *
 * <p>Used by one thread, in a try-with-resources statement; no lock is held meanwhile.
 */
public final class Call implements AutoCloseable {
  /**
   * Text as the C ABI takes it.
   *
   * @param data UTF-8
   * @param size bytes
   */
  public record Text(MemorySegment data, long size) {}

  /** A function of the C ABI that writes text. */
  @FunctionalInterface
  public interface TextFunction {
    /**
     * Makes the native call.
     *
     * @param buffer receives at most {@code capacity} bytes
     * @param capacity bytes
     * @param outSize receives the length in bytes
     * @param outError receives an error
     * @return an {@code oft_status}
     */
    int call(MemorySegment buffer, long capacity, MemorySegment outSize, MemorySegment outError);
  }

  /** What {@code oft_progress} calls; must not throw. */
  @FunctionalInterface
  public interface Progress {
    /**
     * Tells how far a job is.
     *
     * @param done in the unit of the job
     * @param total in the unit of the job
     * @return true to go on
     */
    boolean report(long done, long total);
  }

  /** Most texts fit, so that one native call is enough. */
  private static final long TEXT_CAPACITY = 4096;

  {
    NativeLibrary.ensureLoaded(); // before there is an arena to free
  }

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment slots = arena.allocate(2 * ADDRESS.byteSize(), ADDRESS.byteSize());
  private final MemorySegment out = slots.asSlice(0, ADDRESS.byteSize());
  private final MemorySegment error = slots.asSlice(ADDRESS.byteSize());
  private final List<NativeHandle> leases = new ArrayList<>(4);
  private final List<Runnable> unwanted = new ArrayList<>(0);

  /** Opens a call; loads the native library where that has not happened yet. */
  public Call() {}

  /**
   * Keeps an object alive until this call is closed.
   *
   * @param handle the object's handle
   * @return the object
   */
  public MemorySegment lease(NativeHandle handle) {
    MemorySegment pointer = handle.lease();
    leases.add(handle);
    return pointer;
  }

  /**
   * Leases several objects.
   *
   * @param handles their handles
   * @return an array of pointers to them
   */
  public MemorySegment leaseAll(List<NativeHandle> handles) {
    return pointers(handles.stream().map(this::lease).toList());
  }

  /**
   * Copies pointers to native memory.
   *
   * @param pointers to objects that outlive this call, or are owned by it
   * @return an array, NULL where there are no pointers
   */
  MemorySegment pointers(List<MemorySegment> pointers) {
    if (pointers.isEmpty()) {
      return MemorySegment.NULL;
    }
    MemorySegment array = arena.allocate(ADDRESS, pointers.size());
    for (int i = 0; i < pointers.size(); i++) {
      array.setAtIndex(ADDRESS, i, pointers.get(i));
    }
    return array;
  }

  /**
   * Takes a new object that lives as long as this call.
   *
   * @param pointer the object
   * @param destroyer its destroy function
   * @return the object
   */
  public MemorySegment own(MemorySegment pointer, NativeHandle.Destroyer destroyer) {
    var handle = new NativeHandle(pointer, destroyer, "temporary", 0, null);
    lease(handle);
    handle.close();
    return pointer;
  }

  /**
   * Copies a text to native memory.
   *
   * @param text any text
   * @return its UTF-8 bytes
   */
  public Text utf8(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    MemorySegment data = arena.allocate(Math.max(1, bytes.length));
    MemorySegment.copy(bytes, 0, data, JAVA_BYTE, 0, bytes.length);
    return new Text(data, bytes.length);
  }

  /**
   * Copies the text of a path to native memory.
   *
   * @param path of the default file system
   * @return its UTF-8 bytes
   * @throws OFTArgumentException for another file system, such as that of a zip file
   */
  public Text path(Path path) {
    if (path.getFileSystem() != FileSystems.getDefault()) {
      throw new OFTArgumentException(
          path + " is inside " + path.getFileSystem() + ": copy it to a folder of this machine");
    }
    return utf8(path.toString());
  }

  /**
   * A text that may be absent.
   *
   * @param text any text, or null
   * @return its UTF-8 bytes; NULL and 0 for null
   */
  public Text utf8OrNone(String text) {
    return text == null ? new Text(MemorySegment.NULL, 0) : utf8(text);
  }

  /**
   * Makes bytes accessible to native code.
   *
   * @param bytes those between position and limit; copied where they are on the Java heap
   * @return as long as this call is open
   */
  public MemorySegment bytes(ByteBuffer bytes) {
    MemorySegment source = MemorySegment.ofBuffer(bytes);
    return source.isNative() ? source : arena.allocate(source.byteSize()).copyFrom(source);
  }

  /**
   * Copies numbers to native memory.
   *
   * @param values int64
   * @return an array, empty where there are no values
   */
  public MemorySegment longs(long... values) {
    return arena.allocateFrom(JAVA_LONG, values);
  }

  /**
   * Makes a listener callable from native code as long as this call is open.
   *
   * @param progress what is called
   * @return an {@code oft_progress*}; NULL where {@code progress} is null
   */
  public MemorySegment progress(Progress progress) {
    if (progress == null) {
      return MemorySegment.NULL;
    }
    return oft_progress.allocate(
        (userData, done, total) -> progress.report(done, total) ? 0 : 1, arena);
  }

  /**
   * Where the C ABI takes no object.
   *
   * @return NULL
   */
  public MemorySegment none() {
    return MemorySegment.NULL;
  }

  /**
   * The slot for an out-parameter, shared by all native calls of this {@code Call}.
   *
   * @return eight bytes
   */
  public MemorySegment out() {
    return out;
  }

  /**
   * The slot for the error.
   *
   * @return {@code oft_error**}
   */
  public MemorySegment error() {
    return error;
  }

  /**
   * A slot for an out-parameter that nobody wants.
   *
   * @param destroyer destroys the object in it when this call is closed
   * @return eight bytes
   */
  public MemorySegment unwanted(NativeHandle.Destroyer destroyer) {
    MemorySegment slot = arena.allocate(ADDRESS);
    unwanted.add(() -> destroyer.destroy(slot.get(ADDRESS, 0)));
    return slot;
  }

  /**
   * Reads the out-parameter.
   *
   * @return a new or borrowed object
   */
  public MemorySegment outPointer() {
    return out.get(ADDRESS, 0);
  }

  /**
   * Reads the out-parameter.
   *
   * @return int64 or size_t
   */
  public long outLong() {
    return out.get(JAVA_LONG, 0);
  }

  /**
   * Reads the out-parameter.
   *
   * @return int32
   */
  public int outInt() {
    return out.get(JAVA_INT, 0);
  }

  /**
   * Reads the out-parameter.
   *
   * @return double
   */
  public double outDouble() {
    return out.get(JAVA_DOUBLE, 0);
  }

  /**
   * Throws what a native call reports.
   *
   * @param status the call's result
   */
  public void check(int status) {
    if (status != OftC.OFT_STATUS_OK()) {
      throw Status.exception(status, takeErrorMessage());
    }
  }

  /** Frees the error of a native call that failed as it may. */
  void dropError() {
    OftC.oft_error_destroy(error.get(ADDRESS, 0));
    error.set(ADDRESS, 0, MemorySegment.NULL);
  }

  /**
   * Runs a function that writes text; a second time where the text is long.
   *
   * @param function the native call
   * @return the text
   */
  public String text(TextFunction function) {
    MemorySegment buffer = arena.allocate(TEXT_CAPACITY);
    check(function.call(buffer, buffer.byteSize(), out, error));
    if (outLong() > buffer.byteSize()) {
      buffer = arena.allocate(outLong());
      check(function.call(buffer, buffer.byteSize(), out, error));
    }
    return utf8(buffer, outLong());
  }

  /**
   * Takes the {@code oft_text} in the out-parameter.
   *
   * @return its text
   */
  public String takeText() {
    MemorySegment text = own(outPointer(), OftC::oft_text_destroy);
    MemorySegment data = OftC.oft_text_data(text, out);
    return utf8(data.reinterpret(outLong()), outLong());
  }

  private String takeErrorMessage() {
    MemorySegment nativeError = error.get(ADDRESS, 0);
    if (nativeError.equals(MemorySegment.NULL)) {
      return "liboft gives no message";
    }
    error.set(ADDRESS, 0, MemorySegment.NULL);
    own(nativeError, OftC::oft_error_destroy);
    return text(
        (buffer, capacity, outSize, outError) ->
            OftC.oft_error_message(nativeError, buffer, capacity, outSize));
  }

  private static String utf8(MemorySegment data, long size) {
    byte[] bytes = data.asSlice(0, size).toArray(JAVA_BYTE);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Gives back the leases, destroys what is unwanted, and frees the arena. */
  @Override
  public void close() {
    for (int i = leases.size() - 1; i >= 0; i--) {
      leases.get(i).release();
    }
    unwanted.forEach(Runnable::run);
    arena.close();
  }
}
