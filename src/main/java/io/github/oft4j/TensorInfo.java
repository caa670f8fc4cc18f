package io.github.oft4j;

import java.util.Arrays;

/** What never changes of a tensor; also what messages call it. */
record TensorInfo(DType dtype, long[] shape) {

  /** Saturates, also for negative sizes: what fits no memory is refused where it is allocated. */
  long numel() {
    long product = 1;
    for (long size : shape) {
      if (size != 0 && product > Long.MAX_VALUE / size) {
        return Long.MAX_VALUE;
      }
      product *= size;
    }
    return product;
  }

  long byteSize() {
    return numel() * dtype.byteSize();
  }

  @Override
  public String toString() {
    return "Tensor(" + dtype.torchName() + ", " + Arrays.toString(shape) + ")";
  }
}
