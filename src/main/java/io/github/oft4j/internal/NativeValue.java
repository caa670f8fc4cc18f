package io.github.oft4j.internal;

import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;

/**
 * An {@code oft_value} that a module or an operator gave. It lives as long as the call that took
 * it.
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

    int code() {
      return code;
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
  private final long address;

  private NativeValue(Call call, long address) {
    this.call = call;
    this.address = address;
  }

  /**
   * Takes the new value in the out-parameter.
   *
   * @param call its owner
   * @return the value
   */
  public static NativeValue take(Call call) {
    return new NativeValue(call, call.ownAddress(NativeType.VALUE));
  }

  /**
   * What the value is.
   *
   * @return decides which getter may be called
   */
  public Kind kind() {
    call.check(OftC.oft_value_get_kind(pointer(), call.out(), call.error()));
    return Kind.ofCode(call.outInt());
  }

  /**
   * Gets a tensor, for {@link Kind#TENSOR}: a new {@code oft_tensor} in the call's out-parameter.
   */
  public void toTensor() {
    call.check(OftC.oft_value_to_tensor(pointer(), call.out(), call.error()));
  }

  /**
   * Gets a tensor where the value is one.
   *
   * @return whether there is a new {@code oft_tensor} in the call's out-parameter
   */
  public boolean isTensor() {
    int status = OftC.oft_value_to_tensor(pointer(), call.out(), call.error());
    if (status == OftC.OFT_STATUS_INVALID_ARGUMENT()) {
      call.dropError();
      return false;
    }
    call.check(status);
    return true;
  }

  /**
   * Gets an integer, for {@link Kind#INT}.
   *
   * @return the number
   */
  public long toLong() {
    call.check(OftC.oft_value_to_int(pointer(), call.out(), call.error()));
    return call.outLong();
  }

  /**
   * Gets a floating-point number, for {@link Kind#DOUBLE}.
   *
   * @return the number
   */
  public double toDouble() {
    call.check(OftC.oft_value_to_double(pointer(), call.out(), call.error()));
    return call.outDouble();
  }

  /**
   * Gets a truth value, for {@link Kind#BOOL}.
   *
   * @return the truth
   */
  public boolean toBoolean() {
    call.check(OftC.oft_value_to_bool(pointer(), call.out(), call.error()));
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
            OftC.oft_value_to_text(pointer(), buffer, capacity, outSize, outError));
  }

  /**
   * The number of items, for {@link Kind#LIST}, {@link Kind#TUPLE} and {@link Kind#DICT}.
   *
   * @return at least 0
   */
  public int size() {
    call.check(OftC.oft_value_size(pointer(), call.out(), call.error()));
    return Math.toIntExact(call.outLong());
  }

  /**
   * Gets an item of a list, tuple or dictionary.
   *
   * @param index from 0
   * @return a new value of the same call
   */
  public NativeValue item(int index) {
    return made(call, OftC.oft_value_item(pointer(), index, call.out(), call.error()));
  }

  /**
   * Gets a key of a dictionary.
   *
   * @param index from 0
   * @return a new value of the same call
   */
  public NativeValue key(int index) {
    return made(call, OftC.oft_value_key(pointer(), index, call.out(), call.error()));
  }

  private MemorySegment pointer() {
    return MemorySegment.ofAddress(address);
  }

  private static NativeValue made(Call call, int status) {
    call.check(status);
    return take(call);
  }
}
