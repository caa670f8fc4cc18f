package io.github.oft4j.cli;

import io.github.oft4j.DType;
import io.github.oft4j.OFTIOException;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * A tensor of a safetensors file, an example a row. Rows are read when they are needed, so the file
 * may be larger than memory.
 *
 * @param position of its bytes in the file
 */
record TensorColumn(Path file, String name, Type type, long[] shape, long position)
    implements Column {

  /** Element types by their names in files. */
  enum Type {
    F64(DType.FLOAT64, 8),
    F32(DType.FLOAT32, 4),
    F16(DType.FLOAT32, 2),
    BF16(DType.FLOAT32, 2),
    I64(DType.INT64, 8),
    I32(DType.INT64, 4),
    U8(DType.UINT8, 1);

    private final DType dtype;
    private final int bytes;

    Type(DType dtype, int bytes) {
      this.dtype = dtype;
      this.bytes = bytes;
    }

    int bytes() {
      return bytes;
    }

    /** Null for a type that has no place here. */
    static Type of(String name) {
      return Arrays.stream(values()).filter(t -> t.name().equals(name)).findFirst().orElse(null);
    }

    static String names() {
      return Arrays.stream(values()).map(Type::name).collect(Collectors.joining(", "));
    }
  }

  @Override
  public int size() {
    return Math.toIntExact(shape[0]);
  }

  @Override
  public DType dtype() {
    return type.dtype;
  }

  @Override
  public Tensor batch(OFTScope scope, int[] examples) {
    long[] batchShape = shape.clone();
    batchShape[0] = examples.length;
    ByteBuffer data = rows(examples);
    return switch (type.dtype) {
      case FLOAT64 -> Tensor.of(scope, doubles(data), batchShape);
      case FLOAT32 -> Tensor.of(scope, floats(data), batchShape);
      case INT64 -> Tensor.of(scope, longs(data), batchShape);
      default -> Tensor.of(scope, data.array(), batchShape);
    };
  }

  @Override
  public String place(int example) {
    return file + " tensor \"" + name + "\", row " + example;
  }

  /** All elements of a floating-point tensor, row-major. */
  float[] floats() {
    var examples = new int[size()];
    Arrays.setAll(examples, i -> i);
    return floats(rows(examples));
  }

  private ByteBuffer rows(int[] examples) {
    int rowBytes =
        Math.toIntExact(
            LongStream.of(shape).skip(1).reduce(type.bytes, (a, b) -> Math.multiplyExact(a, b)));
    var rows =
        ByteBuffer.allocate(Math.multiplyExact(rowBytes, examples.length))
            .order(ByteOrder.LITTLE_ENDIAN);
    try (var channel = FileChannel.open(file)) {
      for (int example : examples) {
        rows.put(Safetensors.bytes(channel, position + (long) example * rowBytes, rowBytes));
      }
    } catch (IOException e) {
      throw new OFTIOException("cannot read " + file + ": " + e.getMessage());
    }
    return rows.flip();
  }

  private double[] doubles(ByteBuffer data) {
    var values = new double[data.remaining() / type.bytes];
    data.asDoubleBuffer().get(values);
    return values;
  }

  private float[] floats(ByteBuffer data) {
    var values = new float[data.remaining() / type.bytes];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case F16 -> Float.float16ToFloat(data.getShort());
            case BF16 -> Float.intBitsToFloat(data.getShort() << Short.SIZE);
            default -> data.getFloat();
          };
    }
    return values;
  }

  private long[] longs(ByteBuffer data) {
    var values = new long[data.remaining() / type.bytes];
    for (int i = 0; i < values.length; i++) {
      values[i] = type == Type.I32 ? data.getInt() : data.getLong();
    }
    return values;
  }
}
