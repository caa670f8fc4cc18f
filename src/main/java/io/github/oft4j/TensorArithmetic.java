package io.github.oft4j;

/**
 * Operations of a {@link Tensor} on each element by itself.
 *
 * <p>Results join the youngest scope of the operands; gradients are recorded where an operand
 * requires them.
 */
public sealed interface TensorArithmetic permits Tensor {
  /**
   * Adds another tensor, element by element.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return a new tensor of the broadcast shape
   */
  default Tensor add(Tensor other) {
    return Operators.tensor("aten::add.Tensor", this, other);
  }

  /**
   * Adds a number.
   *
   * @param number a floating-point number, also for tensors of integers, which then become float32
   * @return a new tensor of this shape
   */
  default Tensor add(double number) {
    return Operators.tensor("aten::add.Scalar", this, number);
  }

  /**
   * Subtracts another tensor, element by element.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return a new tensor of the broadcast shape
   */
  default Tensor sub(Tensor other) {
    return Operators.tensor("aten::sub.Tensor", this, other);
  }

  /**
   * Subtracts a number.
   *
   * @param number a floating-point number, also for tensors of integers, which then become float32
   * @return a new tensor of this shape
   */
  default Tensor sub(double number) {
    return Operators.tensor("aten::sub.Scalar", this, number);
  }

  /**
   * Multiplies by another tensor, element by element.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return a new tensor of the broadcast shape
   */
  default Tensor mul(Tensor other) {
    return Operators.tensor("aten::mul.Tensor", this, other);
  }

  /**
   * Multiplies by a number.
   *
   * @param number a floating-point number, also for tensors of integers, which then become float32
   * @return a new tensor of this shape
   */
  default Tensor mul(double number) {
    return Operators.tensor("aten::mul.Scalar", this, number);
  }

  /**
   * Divides by another tensor, element by element.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return a new tensor of the broadcast shape
   */
  default Tensor div(Tensor other) {
    return Operators.tensor("aten::div.Tensor", this, other);
  }

  /**
   * Divides by a number.
   *
   * @param number a floating-point number, also for tensors of integers, which then become float32
   * @return a new tensor of this shape
   */
  default Tensor div(double number) {
    return Operators.tensor("aten::div.Scalar", this, number);
  }

  /**
   * Raises to a power.
   *
   * @param exponent a number
   * @return a new tensor of this shape
   */
  default Tensor pow(double exponent) {
    return Operators.tensor("aten::pow.Tensor_Scalar", this, exponent);
  }

  /**
   * Raises to powers, element by element.
   *
   * @param exponent a tensor whose shape broadcasts with this one's
   * @return a new tensor of the broadcast shape
   */
  default Tensor pow(Tensor exponent) {
    return Operators.tensor("aten::pow.Tensor_Tensor", this, exponent);
  }

  /**
   * {@code -x}.
   *
   * @return a new tensor of this shape
   */
  default Tensor neg() {
    return Operators.tensor("aten::neg", this);
  }

  /**
   * The exponential.
   *
   * @return a new tensor of this shape
   */
  default Tensor exp() {
    return Operators.tensor("aten::exp", this);
  }

  /**
   * The natural logarithm; NaN for negative numbers.
   *
   * @return a new tensor of this shape
   */
  default Tensor log() {
    return Operators.tensor("aten::log", this);
  }

  /**
   * The square root; NaN for negative numbers.
   *
   * @return a new tensor of this shape
   */
  default Tensor sqrt() {
    return Operators.tensor("aten::sqrt", this);
  }

  /**
   * The absolute value.
   *
   * @return a new tensor of this shape
   */
  default Tensor abs() {
    return Operators.tensor("aten::abs", this);
  }

  /**
   * Cuts off what is outside a range.
   *
   * @param min the smallest element of the result
   * @param max the largest element of the result
   * @return a new tensor of this shape
   */
  default Tensor clamp(double min, double max) {
    return Operators.tensor("aten::clamp", this, min, max);
  }

  /**
   * Whether each element equals that of another tensor.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return {@link DType#BOOL}, of the broadcast shape
   */
  default Tensor eq(Tensor other) {
    return Operators.tensor("aten::eq.Tensor", this, other);
  }

  /**
   * Whether each element equals a number.
   *
   * @param number any
   * @return {@link DType#BOOL}, of this shape
   */
  default Tensor eq(double number) {
    return Operators.tensor("aten::eq.Scalar", this, number);
  }

  /**
   * Whether each element is less than that of another tensor.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return {@link DType#BOOL}, of the broadcast shape
   */
  default Tensor lt(Tensor other) {
    return Operators.tensor("aten::lt.Tensor", this, other);
  }

  /**
   * Whether each element is less than a number.
   *
   * @param number any
   * @return {@link DType#BOOL}, of this shape
   */
  default Tensor lt(double number) {
    return Operators.tensor("aten::lt.Scalar", this, number);
  }

  /**
   * Whether each element is greater than that of another tensor.
   *
   * @param other a tensor whose shape broadcasts with this one's
   * @return {@link DType#BOOL}, of the broadcast shape
   */
  default Tensor gt(Tensor other) {
    return Operators.tensor("aten::gt.Tensor", this, other);
  }

  /**
   * Whether each element is greater than a number.
   *
   * @param number any
   * @return {@link DType#BOOL}, of this shape
   */
  default Tensor gt(double number) {
    return Operators.tensor("aten::gt.Scalar", this, number);
  }
}
