package io.github.oft4j;

import java.util.List;

/**
 * Operations of a {@link Tensor} that sum over elements.
 *
 * <p>Results join the youngest scope of the operands; gradients are recorded where an operand
 * requires them.
 */
public sealed interface TensorReductions permits Tensor {
  /**
   * The product of matrices, as {@code torch.matmul}: of the last two dimensions, others broadcast.
   *
   * @param other {@code [..., k, m]} for this {@code [..., n, k]}
   * @return {@code [..., n, m]}
   */
  default Tensor matmul(Tensor other) {
    return Operators.tensor("aten::matmul", this, other);
  }

  /**
   * The sum of all elements.
   *
   * @return a scalar
   */
  default Tensor sum() {
    return Operators.tensor("aten::sum", this);
  }

  /**
   * The sum along dimensions.
   *
   * @param keepDim whether they stay in the shape, with size 1
   * @param dims which dimensions, negative: counted from the end
   * @return a new tensor
   */
  default Tensor sum(boolean keepDim, long... dims) {
    return Operators.tensor("aten::sum.dim_IntList", this, dims, keepDim);
  }

  /**
   * The mean of all elements.
   *
   * @return a scalar
   */
  default Tensor mean() {
    return Operators.tensor("aten::mean", this);
  }

  /**
   * The mean along dimensions.
   *
   * @param keepDim whether they stay in the shape, with size 1
   * @param dims which dimensions, negative: counted from the end
   * @return a new tensor
   */
  default Tensor mean(boolean keepDim, long... dims) {
    return Operators.tensor("aten::mean.dim", this, dims, keepDim);
  }

  /**
   * The largest of all elements.
   *
   * @return a scalar
   */
  default Tensor max() {
    return Operators.tensor("aten::max", this);
  }

  /**
   * The largest elements along dimensions.
   *
   * @param keepDim whether they stay in the shape, with size 1
   * @param dims which dimensions, negative: counted from the end
   * @return a new tensor
   */
  default Tensor amax(boolean keepDim, long... dims) {
    return Operators.tensor("aten::amax", this, dims, keepDim);
  }

  /**
   * Where the largest elements along a dimension are.
   *
   * @param dim counted from 0, or from -1 backwards
   * @return {@link DType#INT64}, without that dimension
   */
  default Tensor argmax(long dim) {
    return Operators.tensor("aten::argmax", this, dim);
  }

  /**
   * The 2-norm of all elements.
   *
   * @return a scalar
   */
  default Tensor norm() {
    return Operators.tensor("aten::linalg_vector_norm", this);
  }

  /**
   * Divides by the 2-norm along a dimension, as {@code torch.nn.functional.normalize}.
   *
   * @param dim counted from 0, or from -1 backwards
   * @return vectors of norm 1; those shorter than 1e-12 are divided by that
   */
  default Tensor normalize(long dim) {
    Tensor norm = Operators.tensor("aten::linalg_vector_norm", this, 2, List.of(dim), true);
    return ((Tensor) this).div(Operators.tensor("aten::clamp_min", norm, 1e-12));
  }
}
