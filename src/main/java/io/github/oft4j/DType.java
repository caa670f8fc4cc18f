package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;
import java.util.Locale;

/** Element types of tensors. */
public enum DType {
  /** IEEE 754 single precision, {@code float}. */
  FLOAT32(OftC.OFT_DTYPE_FLOAT32(), 4),
  /** IEEE 754 double precision, {@code double}. */
  FLOAT64(OftC.OFT_DTYPE_FLOAT64(), 8),
  /** IEEE 754 half precision. */
  FLOAT16(OftC.OFT_DTYPE_FLOAT16(), 2),
  /** The upper half of a {@link #FLOAT32}. */
  BFLOAT16(OftC.OFT_DTYPE_BFLOAT16(), 2),
  /** Signed, {@code long}. */
  INT64(OftC.OFT_DTYPE_INT64(), 8),
  /** Signed, {@code int}. */
  INT32(OftC.OFT_DTYPE_INT32(), 4),
  /** Unsigned, 0 to 255. */
  UINT8(OftC.OFT_DTYPE_UINT8(), 1),
  /** 0 or 1. */
  BOOL(OftC.OFT_DTYPE_BOOL(), 1);

  private static final DType[] VALUES = values();

  private final int code;
  private final int byteSize;

  DType(int code, int byteSize) {
    this.code = code;
    this.byteSize = byteSize;
  }

  /**
   * The size of one element.
   *
   * @return bytes
   */
  public int byteSize() {
    return byteSize;
  }

  /**
   * The name that libtorch and PEFT use.
   *
   * @return for example {@code "float32"}
   */
  public String torchName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The type that libtorch and PEFT call {@code name}.
   *
   * @param name for example {@code "bfloat16"}
   * @return the type
   * @throws OFTArgumentException where no type has this name; the message lists the names
   */
  public static DType ofTorchName(String name) {
    var known = new StringBuilder();
    for (DType type : VALUES) {
      if (type.torchName().equals(name)) {
        return type;
      }
      known.append(known.isEmpty() ? "" : ", ").append(type.torchName());
    }
    throw new OFTArgumentException("element type '" + name + "' is unknown: use one of " + known);
  }

  int code() {
    return code;
  }

  static DType ofCode(int code) {
    for (DType type : VALUES) {
      if (type.code == code) {
        return type;
      }
    }
    throw new OFTInternalException("liboft reports an element type of unknown number " + code);
  }
}
