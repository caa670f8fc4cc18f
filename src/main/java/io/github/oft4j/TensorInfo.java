package io.github.oft4j;

import java.util.Arrays;

/** What never changes of a tensor; also what messages call it. */
final class TensorInfo {
  /**
   * One of those made before, by hash, so that tensors of a shape that comes again share theirs.
   * Written without a lock: a lost one is made again.
   */
  private static final TensorInfo[] KNOWN = new TensorInfo[256];

  private final DType dtype;
  private final long[] shape;
  private final long numel;

  private TensorInfo(DType dtype, long[] shape) {
    this.dtype = dtype;
    this.shape = shape;
    numel = product(shape);
  }

  static TensorInfo of(DType dtype, long... shape) {
    return of(dtype, shape, shape.length);
  }

  /** Of the first {@code dims} sizes, copied. */
  static TensorInfo of(DType dtype, long[] sizes, int dims) {
    int place = hash(dtype, sizes, dims) & (KNOWN.length - 1);
    TensorInfo known = KNOWN[place];
    if (known == null
        || known.dtype != dtype
        || !Arrays.equals(known.shape, 0, known.shape.length, sizes, 0, dims)) {
      known = new TensorInfo(dtype, Arrays.copyOf(sizes, dims));
      KNOWN[place] = known;
    }
    return known;
  }

  DType dtype() {
    return dtype;
  }

  /** A new array. */
  long[] shape() {
    return shape.clone();
  }

  int dim() {
    return shape.length;
  }

  long size(int dim) {
    int index = dim < 0 ? dim + shape.length : dim;
    if (index < 0 || index >= shape.length) {
      throw new OFTArgumentException(
          this
              + " has no dimension "
              + dim
              + ": there are "
              + shape.length
              + ", from 0 or from -1");
    }
    return shape[index];
  }

  /** Saturates, also for negative sizes: what fits no memory is refused where it is allocated. */
  long numel() {
    return numel;
  }

  long byteSize() {
    return numel * dtype.byteSize();
  }

  @Override
  public String toString() {
    return "Tensor(" + dtype.torchName() + ", " + Arrays.toString(shape) + ")";
  }

  private static long product(long[] sizes) {
    long product = 1;
    for (long size : sizes) {
      if (size != 0 && product > Long.MAX_VALUE / size) {
        return Long.MAX_VALUE;
      }
      product *= size;
    }
    return product;
  }

  private static int hash(DType dtype, long[] sizes, int dims) {
    long hash = dtype.ordinal() + 1;
    for (int i = 0; i < dims; i++) {
      hash = (hash + sizes[i]) * 0x9E3779B97F4A7C15L;
    }
    return (int) (hash >>> 32);
  }
}
