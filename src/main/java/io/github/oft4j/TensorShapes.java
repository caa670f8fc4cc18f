package io.github.oft4j;

import java.util.List;
import java.util.Map;

/**
 * Operations of a {@link Tensor} that move elements, or see them differently.
 *
 * <p>Results join the youngest scope of the operands; gradients are recorded where an operand
 * requires them.
 *
 * <p>A result that shares memory sees what is written to the original, and the other way round.
 */
public sealed interface TensorShapes permits Tensor {
  /**
   * Exchanges two dimensions.
   *
   * @param dim0 one dimension, negative: counted from the end
   * @param dim1 the other one
   * @return shares memory
   */
  default Tensor transpose(long dim0, long dim1) {
    return Operators.tensor("aten::transpose.int", this, dim0, dim1);
  }

  /**
   * The same elements, row-major, in another shape.
   *
   * @param shape sizes with the same product; one of them may be -1: what fits
   * @return shares memory where the strides allow it, else a copy
   */
  default Tensor reshape(long... shape) {
    return Operators.tensor("aten::reshape", this, shape);
  }

  /**
   * Makes one dimension of several.
   *
   * @param start the first of them
   * @param end the last of them, negative: counted from the end
   * @return shares memory where the strides allow it, else a copy
   */
  default Tensor flatten(long start, long end) {
    return Operators.tensor("aten::flatten.using_ints", this, start, end);
  }

  /**
   * Drops a dimension of size 1; another one stays.
   *
   * @param dim counted from 0, or from -1 backwards
   * @return shares memory
   */
  default Tensor squeeze(long dim) {
    return Operators.tensor("aten::squeeze.dim", this, dim);
  }

  /**
   * Inserts a dimension of size 1.
   *
   * @param dim where the result has it
   * @return shares memory
   */
  default Tensor unsqueeze(long dim) {
    return Operators.tensor("aten::unsqueeze", this, dim);
  }

  /**
   * One slice, without its dimension.
   *
   * @param dim counted from 0, or from -1 backwards
   * @param index which slice, negative: counted from the end
   * @return shares memory
   */
  default Tensor select(long dim, long index) {
    return Operators.tensor("aten::select.int", this, dim, index);
  }

  /**
   * Neighbouring slices.
   *
   * @param dim counted from 0, or from -1 backwards
   * @param start the first slice
   * @param length how many
   * @return shares memory
   */
  default Tensor narrow(long dim, long start, long length) {
    return Operators.tensor("aten::narrow", this, dim, start, length);
  }

  /**
   * Picks slices.
   *
   * @param dim counted from 0, or from -1 backwards
   * @param index {@link DType#INT64} {@code [n]}: which slices, in any order
   * @return a new tensor with n slices
   */
  default Tensor indexSelect(long dim, Tensor index) {
    return Operators.tensor("aten::index_select", this, dim, index);
  }

  /**
   * Picks elements along a dimension, as {@code torch.gather}.
   *
   * @param dim counted from 0, or from -1 backwards
   * @param index {@link DType#INT64}, with as many dimensions as this
   * @return a new tensor of the shape of {@code index}
   */
  default Tensor gather(long dim, Tensor index) {
    return Operators.tensor("aten::gather", this, dim, index);
  }

  /**
   * The elements in another type.
   *
   * @param dtype the type wanted
   * @return this very memory where the type is the same, else a new tensor
   */
  default Tensor to(DType dtype) {
    return Operators.tensor("aten::to.dtype", this, dtype);
  }

  /**
   * The elements on another device.
   *
   * @param device the device wanted
   * @return this very memory where the device is the same, else a new tensor
   * @throws OFTDeviceException where there is no such device
   */
  default Tensor to(Device device) {
    return (Tensor)
        Operators.call("aten::to.dtype_layout", List.of(this), Map.of("device", device));
  }

  /**
   * The elements in row-major order without gaps, as {@link Tensor#segment} needs them.
   *
   * @return this very memory where that is so already, else a copy
   */
  default Tensor contiguous() {
    return Operators.tensor("aten::contiguous", this);
  }

  /**
   * A copy with memory of its own, through which gradients flow ({@code torch.clone}).
   *
   * @return a new tensor
   */
  default Tensor copy() {
    return Operators.tensor("aten::clone", this);
  }

  /**
   * The same elements, of which nothing is recorded.
   *
   * @return shares memory, requires no gradient
   */
  default Tensor detach() {
    return Operators.tensor("aten::detach", this);
  }
}
