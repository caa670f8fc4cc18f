package io.github.oft4j.internal;

import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;

/**
 * An {@code oft_value}, what modules and operators take and give. It lives as long as the call that
 * made it.
 */
public final class NativeValue {
  /** What a value is. */
  public enum Kind {
    /** Nothing. */
    NONE(OftC.OFT_VALUE_NONE()),
    /** A tensor. */
    TENSOR(OftC.OFT_VALUE_TENSOR()),
    /** An int64. */
    INT(OftC.OFT_VALUE_INT()),
    /** A double. */
    DOUBLE(OftC.OFT_VALUE_DOUBLE()),
    /** A truth value. */
    BOOL(OftC.OFT_VALUE_BOOL()),
    /** UTF-8. */
    TEXT(OftC.OFT_VALUE_TEXT()),
    /** Items of one type. */
    LIST(OftC.OFT_VALUE_LIST()),
    /** Items of any types. */
    TUPLE(OftC.OFT_VALUE_TUPLE()),
    /** Keys and items, in order of insertion. */
    DICT(OftC.OFT_VALUE_DICT());

    private static final Kind[] VALUES = values();

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    private static Kind ofCode(int code) {
      for (Kind kind : VALUES) {
        if (kind.code == code) {
          return kind;
        }
      }
      throw new IllegalStateException("liboft reports a value of unknown kind " + code);
    }
  }

  private final Call call;
  private final MemorySegment pointer;

  private NativeValue(Call call, MemorySegment pointer) {
    this.call = call;
    this.pointer = pointer;
  }

  /**
   * Takes the new value in the out-parameter.
   *
   * @param call its owner
   * @return the value
   */
  public static NativeValue take(Call call) {
    return new NativeValue(call, call.own(call.outPointer(), OftC::oft_value_destroy));
  }

  /**
   * Nothing.
   *
   * @param call its owner
   * @return a new value
   */
  public static NativeValue none(Call call) {
    return made(call, OftC.oft_value_none(call.out(), call.error()));
  }

  /**
   * A tensor, not copied.
   *
   * @param call its owner
   * @param tensor an {@code oft_tensor}
   * @return a new value
   */
  public static NativeValue of(Call call, NativeHandle tensor) {
    return made(call, OftC.oft_value_from_tensor(call.lease(tensor), call.out(), call.error()));
  }

  /**
   * An integer.
   *
   * @param call its owner
   * @param number any
   * @return a new value
   */
  public static NativeValue of(Call call, long number) {
    return made(call, OftC.oft_value_from_int(number, call.out(), call.error()));
  }

  /**
   * A floating-point number.
   *
   * @param call its owner
   * @param number any
   * @return a new value
   */
  public static NativeValue of(Call call, double number) {
    return made(call, OftC.oft_value_from_double(number, call.out(), call.error()));
  }

  /**
   * A truth value.
   *
   * @param call its owner
   * @param truth any
   * @return a new value
   */
  public static NativeValue of(Call call, boolean truth) {
    return made(call, OftC.oft_value_from_bool(truth ? 1 : 0, call.out(), call.error()));
  }

  /**
   * A text.
   *
   * @param call its owner
   * @param string any
   * @return a new value
   */
  public static NativeValue of(Call call, String string) {
    var text = call.utf8(string);
    return made(call, OftC.oft_value_from_text(text.data(), text.size(), call.out(), call.error()));
  }

  /**
   * A list or a tuple.
   *
   * @param call its owner
   * @param kind {@link Kind#LIST} or {@link Kind#TUPLE}
   * @param items of the same call
   * @return a new value
   */
  public static NativeValue of(Call call, Kind kind, List<NativeValue> items) {
    return made(
        call,
        OftC.oft_value_from_items(
            kind.code, array(call, items), items.size(), call.out(), call.error()));
  }

  /**
   * A dictionary.
   *
   * @param call its owner
   * @param keys of the same call
   * @param items one for each key
   * @return a new value
   */
  public static NativeValue of(Call call, List<NativeValue> keys, List<NativeValue> items) {
    return made(
        call,
        OftC.oft_value_from_entries(
            array(call, keys), array(call, items), keys.size(), call.out(), call.error()));
  }

  /**
   * Values side by side, as functions of the C ABI take them.
   *
   * @param call lives as long as the array
   * @param values of the same call
   * @return an array of {@code oft_value*}
   */
  public static MemorySegment array(Call call, List<NativeValue> values) {
    return call.pointers(values.stream().map(value -> value.pointer).toList());
  }

  /**
   * The value itself.
   *
   * @return an {@code oft_value*}
   */
  public MemorySegment pointer() {
    return pointer;
  }

  /**
   * What the value is.
   *
   * @return decides which getter may be called
   */
  public Kind kind() {
    call.check(OftC.oft_value_get_kind(pointer, call.out(), call.error()));
    return Kind.ofCode(call.outInt());
  }

  /**
   * Gets a tensor, for {@link Kind#TENSOR}.
   *
   * @param <T> what stands for it
   * @param adopt takes the new {@code oft_tensor} in the call's out-parameter
   * @return what {@code adopt} returns
   */
  public <T> T tensor(Supplier<T> adopt) {
    call.check(OftC.oft_value_to_tensor(pointer, call.out(), call.error()));
    return adopt.get();
  }

  /**
   * Gets an integer, for {@link Kind#INT}.
   *
   * @return the number
   */
  public long toLong() {
    call.check(OftC.oft_value_to_int(pointer, call.out(), call.error()));
    return call.outLong();
  }

  /**
   * Gets a floating-point number, for {@link Kind#DOUBLE}.
   *
   * @return the number
   */
  public double toDouble() {
    call.check(OftC.oft_value_to_double(pointer, call.out(), call.error()));
    return call.outDouble();
  }

  /**
   * Gets a truth value, for {@link Kind#BOOL}.
   *
   * @return the truth
   */
  public boolean toBoolean() {
    call.check(OftC.oft_value_to_bool(pointer, call.out(), call.error()));
    return call.outInt() != 0;
  }

  /**
   * Gets a text, for {@link Kind#TEXT}.
   *
   * @return the text
   */
  public String text() {
    return call.text(
        (buffer, capacity, outSize, outError) ->
            OftC.oft_value_to_text(pointer, buffer, capacity, outSize, outError));
  }

  /**
   * The number of items, for {@link Kind#LIST}, {@link Kind#TUPLE} and {@link Kind#DICT}.
   *
   * @return at least 0
   */
  public int size() {
    call.check(OftC.oft_value_size(pointer, call.out(), call.error()));
    return Math.toIntExact(call.outLong());
  }

  /**
   * Gets an item of a list, tuple or dictionary.
   *
   * @param index from 0
   * @return a new value of the same call
   */
  public NativeValue item(int index) {
    return made(call, OftC.oft_value_item(pointer, index, call.out(), call.error()));
  }

  /**
   * Gets a key of a dictionary.
   *
   * @param index from 0
   * @return a new value of the same call
   */
  public NativeValue key(int index) {
    return made(call, OftC.oft_value_key(pointer, index, call.out(), call.error()));
  }

  private static NativeValue made(Call call, int status) {
    call.check(status);
    return take(call);
  }
}
