package io.github.oft4j;

/**
 * Activations and losses over a {@link Tensor}.
 *
 * <p>Results join the youngest scope of the operands; gradients are recorded where an operand
 * requires them.
 */
public sealed interface TensorFunctions permits Tensor {
  /**
   * {@code max(x, 0)}.
   *
   * @return a new tensor of this shape
   */
  default Tensor relu() {
    return Operators.tensor("aten::relu", this);
  }

  /**
   * {@code x Φ(x)}, with the exact distribution function of the normal distribution.
   *
   * @return a new tensor of this shape
   */
  default Tensor gelu() {
    return Operators.tensor("aten::gelu", this);
  }

  /**
   * The hyperbolic tangent.
   *
   * @return a new tensor of this shape
   */
  default Tensor tanh() {
    return Operators.tensor("aten::tanh", this);
  }

  /**
   * {@code 1 / (1 + exp(-x))}.
   *
   * @return a new tensor of this shape
   */
  default Tensor sigmoid() {
    return Operators.tensor("aten::sigmoid", this);
  }

  /**
   * Probabilities of logits: exponentials divided by their sum.
   *
   * @param dim counted from 0, or from -1 backwards
   * @return a new tensor of this shape
   */
  default Tensor softmax(long dim) {
    return Operators.tensor("aten::softmax.int", this, dim);
  }

  /**
   * The logarithm of {@link #softmax}, without its loss of precision.
   *
   * @param dim counted from 0, or from -1 backwards
   * @return a new tensor of this shape
   */
  default Tensor logSoftmax(long dim) {
    return Operators.tensor("aten::log_softmax.int", this, dim);
  }

  /**
   * The cross entropy of these logits, {@code [batch, classes, ...]} or {@code [classes]}.
   *
   * @param labels {@link DType#INT64} {@code [batch, ...]}, of which -100 does not count; or
   *     probabilities of this shape
   * @return the mean, a scalar
   */
  default Tensor crossEntropy(Tensor labels) {
    return Operators.tensor("aten::cross_entropy_loss", this, labels);
  }

  /**
   * The squared error.
   *
   * @param target of this shape
   * @return the mean, a scalar
   */
  default Tensor mse(Tensor target) {
    return Operators.tensor("aten::mse_loss", this, target);
  }

  /**
   * The absolute error.
   *
   * @param target of this shape
   * @return the mean, a scalar
   */
  default Tensor l1(Tensor target) {
    return Operators.tensor("aten::l1_loss", this, target);
  }

  /**
   * The cross entropy of independent yes-no questions, of which these are the logits.
   *
   * @param target probabilities, of this shape and type
   * @return the mean, a scalar
   */
  default Tensor binaryCrossEntropyWithLogits(Tensor target) {
    return Operators.tensor("aten::binary_cross_entropy_with_logits", this, target);
  }

  /**
   * The cosine of the angles between vectors.
   *
   * @param other of this shape, or one that broadcasts
   * @param dim along which the vectors lie
   * @return a new tensor without that dimension
   */
  default Tensor cosineSimilarity(Tensor other, long dim) {
    return Operators.tensor("aten::cosine_similarity", this, other, dim);
  }
}
