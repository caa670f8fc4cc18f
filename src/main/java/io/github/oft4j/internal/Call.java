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
import java.util.Arrays;
import java.util.List;

/**
 * One trip across the C ABI: its memory, its leases, its out-parameters, its error.
 *
 * <p>Used by one thread at a time, in a try-with-resources statement; no lock is held meanwhile.
 * Closed ones are used again: a call that needs little memory allocates nothing.
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

  private static final long MEMORY = 8192;
  private static final long ALIGNMENT = Long.BYTES;

  /** Sizes and arguments of usual tensors and functions have places of their own. */
  private static final int FEW = 8;

  private static final long FIRST_FREE = (3 + 2 * FEW) * Long.BYTES;

  private static final Text NO_TEXT = new Text(MemorySegment.NULL, 0);

  /** Lives as long as this object, which the garbage collector frees where the pool is full. */
  private final MemorySegment memory = Arena.ofAuto().allocate(MEMORY, ALIGNMENT);

  private final MemorySegment out = memory.asSlice(0, ADDRESS.byteSize());
  private final MemorySegment error = memory.asSlice(ADDRESS.byteSize(), ADDRESS.byteSize());
  private final MemorySegment secondOut = memory.asSlice(2 * ADDRESS.byteSize(), Long.BYTES);
  private final MemorySegment fewLongs = memory.asSlice(3L * Long.BYTES, FEW * Long.BYTES);
  private final MemorySegment fewPointers =
      memory.asSlice((3L + FEW) * Long.BYTES, FEW * ADDRESS.byteSize());
  private final NameCache names = new NameCache();
  private final long[] sizes = new long[FEW];
  private boolean fewPointersTaken;
  private long free = FIRST_FREE;
  private Arena arena; // of what does not fit
  private NativeHandle[] leases = new NativeHandle[8];
  private int leased;
  private long[] owned = new long[8];
  private NativeType[] ownedTypes = new NativeType[8];
  private int ownedCount;
  private final NativeValues[] values = new NativeValues[FEW];
  private int valuesTaken;
  private MemorySegment unwanted = MemorySegment.NULL;
  private NativeType unwantedType;

  /** Made by the pool alone. */
  Call() {}

  /**
   * Opens a call; loads the native library where that has not happened yet.
   *
   * @return to be closed by this thread
   */
  public static Call open() {
    NativeLibrary.ensureLoaded();
    return CallPool.take();
  }

  /**
   * Keeps an object alive until this call is closed.
   *
   * @param handle the object's handle
   * @return the object
   */
  public MemorySegment lease(NativeHandle handle) {
    MemorySegment pointer = handle.lease();
    if (leased == leases.length) {
      leases = Arrays.copyOf(leases, 2 * leased);
    }
    leases[leased++] = handle;
    return pointer;
  }

  /**
   * Leases several objects.
   *
   * @param handles their handles
   * @return an array of pointers to them, NULL where there are none
   */
  public MemorySegment leaseAll(List<NativeHandle> handles) {
    if (handles.isEmpty()) {
      return MemorySegment.NULL;
    }
    MemorySegment array = pointers(handles.size());
    for (int i = 0; i < handles.size(); i++) {
      array.setAtIndex(ADDRESS, i, lease(handles.get(i)));
    }
    return array;
  }

  /**
   * Room for pointers.
   *
   * @param count at least 1
   * @return an array of any content
   */
  MemorySegment pointers(int count) {
    if (count <= FEW && !fewPointersTaken) {
      fewPointersTaken = true;
      return fewPointers;
    }
    return allocate(count * ADDRESS.byteSize());
  }

  /**
   * Room for values.
   *
   * @param capacity how many will be added
   * @return without values, valid as long as this call
   */
  public NativeValues values(int capacity) {
    if (valuesTaken == values.length) {
      return new NativeValues(this).reset(capacity);
    }
    NativeValues next = values[valuesTaken];
    if (next == null) {
      next = new NativeValues(this);
      values[valuesTaken] = next;
    }
    valuesTaken++;
    return next.reset(capacity);
  }

  /**
   * Takes the new object in the out-parameter, which then lives as long as this call.
   *
   * @param type of the object
   * @return the object
   */
  public MemorySegment own(NativeType type) {
    return MemorySegment.ofAddress(ownAddress(type));
  }

  /** The same for what is used later, if at all. */
  long ownAddress(NativeType type) {
    if (ownedCount == owned.length) {
      owned = Arrays.copyOf(owned, 2 * ownedCount);
      ownedTypes = Arrays.copyOf(ownedTypes, 2 * ownedCount);
    }
    long address = outAddress();
    owned[ownedCount] = address;
    ownedTypes[ownedCount++] = type;
    return address;
  }

  /**
   * Copies a short name that is likely to come again to native memory.
   *
   * @param name any text
   * @return its UTF-8 bytes, valid until another name is asked for
   */
  public Text name(String name) {
    Text known = names.find(name);
    return known == null ? utf8(name) : known;
  }

  /**
   * Copies a text to native memory.
   *
   * @param text any text
   * @return its UTF-8 bytes
   */
  public Text utf8(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    MemorySegment data = allocate(Math.max(1, bytes.length));
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
    return text == null ? NO_TEXT : utf8(text);
  }

  /**
   * Makes bytes accessible to native code.
   *
   * @param bytes those between position and limit; copied where they are on the Java heap
   * @return as long as this call is open
   */
  public MemorySegment bytes(ByteBuffer bytes) {
    MemorySegment source = MemorySegment.ofBuffer(bytes);
    return source.isNative() ? source : allocate(source.byteSize()).copyFrom(source);
  }

  /**
   * Copies numbers to native memory.
   *
   * @param values int64
   * @return an array, valid until numbers are copied again
   */
  public MemorySegment longs(long... values) {
    MemorySegment array =
        values.length <= FEW ? fewLongs : allocate(values.length * JAVA_LONG.byteSize());
    MemorySegment.copy(values, 0, array, JAVA_LONG, 0, values.length);
    return array;
  }

  /**
   * Copies numbers to native memory.
   *
   * @param values float64
   * @return an array
   */
  public MemorySegment doubles(double... values) {
    MemorySegment array = allocate(Math.max(1, values.length) * JAVA_DOUBLE.byteSize());
    MemorySegment.copy(values, 0, array, JAVA_DOUBLE, 0, values.length);
    return array;
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
        (userData, done, total) -> progress.report(done, total) ? 0 : 1, arena());
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
   * The slot for another out-parameter of the same native call.
   *
   * @return eight bytes
   */
  public MemorySegment secondOut() {
    return secondOut;
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
   * A slot for an out-parameter that nobody wants; one in a call.
   *
   * @param type of the object, which is destroyed when this call is closed
   * @return eight bytes
   */
  public MemorySegment unwanted(NativeType type) {
    unwanted = pointers(1);
    unwanted.set(ADDRESS, 0, MemorySegment.NULL);
    unwantedType = type;
    return unwanted;
  }

  /**
   * Reads the out-parameter.
   *
   * @return a new or borrowed object
   */
  public MemorySegment outPointer() {
    return MemorySegment.ofAddress(outAddress());
  }

  /**
   * Reads the out-parameter.
   *
   * @return the address of a new or borrowed object, 0 where it is NULL
   */
  public long outAddress() {
    return out.get(JAVA_LONG, 0);
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
    MemorySegment buffer = allocate(TEXT_CAPACITY);
    check(function.call(buffer, buffer.byteSize(), out, error));
    if (outLong() > buffer.byteSize()) {
      buffer = allocate(outLong());
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
    MemorySegment text = own(NativeType.TEXT);
    MemorySegment data = OftC.oft_text_data(text, out);
    return utf8(data.reinterpret(outLong()), outLong());
  }

  /**
   * Takes the {@code oft_text} in the second out-parameter; the first one stays as it is.
   *
   * @return its text
   */
  public String takeSecondText() {
    long first = outAddress();
    out.set(JAVA_LONG, 0, secondOut.get(JAVA_LONG, 0));
    String text = takeText();
    out.set(JAVA_LONG, 0, first);
    return text;
  }

  private String takeErrorMessage() {
    MemorySegment nativeError = error.get(ADDRESS, 0);
    if (nativeError.equals(MemorySegment.NULL)) {
      return "liboft gives no message";
    }
    error.set(ADDRESS, 0, MemorySegment.NULL);
    out.set(ADDRESS, 0, nativeError);
    own(NativeType.ERROR);
    return text(
        (buffer, capacity, outSize, outError) ->
            OftC.oft_error_message(nativeError, buffer, capacity, outSize));
  }

  /**
   * Room for the sizes of a tensor, for whom this call serves at this moment.
   *
   * @return enough for usual tensors
   */
  public long[] sizes() {
    return sizes;
  }

  /** Memory of any content that lives as long as this call. */
  private MemorySegment allocate(long size) {
    long end = free + size;
    if (end > MEMORY) {
      return arena().allocate(size, ALIGNMENT);
    }
    MemorySegment slice = memory.asSlice(free, size);
    free = (end + ALIGNMENT - 1) & -ALIGNMENT;
    return slice;
  }

  private Arena arena() {
    if (arena == null) {
      arena = Arena.ofConfined();
    }
    return arena;
  }

  private static String utf8(MemorySegment data, long size) {
    byte[] bytes = data.asSlice(0, size).toArray(JAVA_BYTE);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Destroys what this call owns, gives back the leases, and rests. */
  @Override
  public void close() {
    while (ownedCount > 0) {
      ownedTypes[--ownedCount].destroy(owned[ownedCount]);
    }
    while (leased > 0) {
      NativeHandle handle = leases[--leased];
      leases[leased] = null;
      handle.release();
    }
    if (unwantedType != null) {
      unwantedType.destroy(unwanted.get(JAVA_LONG, 0));
      unwantedType = null;
    }
    if (arena != null) {
      arena.close();
      arena = null;
    }
    free = FIRST_FREE;
    fewPointersTaken = false;
    valuesTaken = 0;
    CallPool.put(this);
  }
}
