package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;

/**
 * Values side by side, as functions of the C ABI take them: arguments, or the items of another
 * value. They live as long as the call that made them.
 */
public final class NativeValues {
  /** No values. */
  public static final NativeValues NONE = new NativeValues(null);

  private final Call call;
  private MemorySegment array = MemorySegment.NULL;
  private int size;

  /** Made and used again by its call, see {@link Call#values}. */
  NativeValues(Call call) {
    this.call = call;
  }

  /** Forgets its values and makes room for others. */
  NativeValues reset(int capacity) {
    array = capacity == 0 ? MemorySegment.NULL : call.pointers(capacity);
    size = 0;
    return this;
  }

  /**
   * The values.
   *
   * @return an array of {@code oft_value*}, NULL where there are none
   */
  public MemorySegment array() {
    return array;
  }

  /**
   * How many there are.
   *
   * @return those added so far
   */
  public int size() {
    return size;
  }

  /**
   * The only value.
   *
   * @return an {@code oft_value*}, NULL where there is none
   */
  public MemorySegment single() {
    return size == 0 ? MemorySegment.NULL : array.get(ADDRESS, 0);
  }

  /**
   * Adds nothing, as a value.
   *
   * @return this
   */
  public NativeValues addNone() {
    return added(OftC.oft_value_none(call.out(), call.error()));
  }

  /**
   * Adds a tensor, not copied.
   *
   * @param tensor an {@code oft_tensor}
   * @return this
   */
  public NativeValues add(NativeHandle tensor) {
    return added(OftC.oft_value_from_tensor(call.lease(tensor), call.out(), call.error()));
  }

  /**
   * Adds an integer.
   *
   * @param number any
   * @return this
   */
  public NativeValues add(long number) {
    return added(OftC.oft_value_from_int(number, call.out(), call.error()));
  }

  /**
   * Adds a floating-point number.
   *
   * @param number any
   * @return this
   */
  public NativeValues add(double number) {
    return added(OftC.oft_value_from_double(number, call.out(), call.error()));
  }

  /**
   * Adds a truth value.
   *
   * @param truth any
   * @return this
   */
  public NativeValues add(boolean truth) {
    return added(OftC.oft_value_from_bool(truth ? 1 : 0, call.out(), call.error()));
  }

  /**
   * Adds a text.
   *
   * @param string any
   * @return this
   */
  public NativeValues add(String string) {
    var text = call.utf8(string);
    return added(OftC.oft_value_from_text(text.data(), text.size(), call.out(), call.error()));
  }

  /**
   * Adds a list or a tuple.
   *
   * @param kind {@link NativeValue.Kind#LIST} or {@link NativeValue.Kind#TUPLE}
   * @param items of the same call
   * @return this
   */
  public NativeValues add(NativeValue.Kind kind, NativeValues items) {
    return added(
        OftC.oft_value_from_items(kind.code(), items.array, items.size, call.out(), call.error()));
  }

  /**
   * Adds a dictionary.
   *
   * @param keys of the same call
   * @param items one for each key
   * @return this
   */
  public NativeValues add(NativeValues keys, NativeValues items) {
    return added(
        OftC.oft_value_from_entries(keys.array, items.array, keys.size, call.out(), call.error()));
  }

  private NativeValues added(int status) {
    call.check(status);
    array.setAtIndex(JAVA_LONG, size++, call.ownAddress(NativeType.VALUE));
    return this;
  }
}
