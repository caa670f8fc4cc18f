package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Json;
import java.util.OptionalDouble;

/**
 * Options of one parameter group of an {@link Optimizer}. Those not set keep libtorch's defaults;
 * which ones an algorithm has is said with each, others are refused.
 *
 * {@snippet :
 * var options = OptimizerOptions.ofLearningRate(1e-3).weightDecay(0.01).betas(0.9, 0.98);
 * }
 *
 * <p>Immutable: each method returns new options.
 */
public final class OptimizerOptions {
  private static final OptimizerOptions DEFAULTS = new OptimizerOptions(Json.object());

  private final ObjectNode json;

  private OptimizerOptions(ObjectNode json) {
    this.json = json;
  }

  /**
   * All defaults of libtorch.
   *
   * @return options
   */
  public static OptimizerOptions defaults() {
    return DEFAULTS;
  }

  /**
   * All defaults of libtorch but for the learning rate.
   *
   * @param rate at least 0
   * @return options
   */
  public static OptimizerOptions ofLearningRate(double rate) {
    return DEFAULTS.learningRate(rate);
  }

  /**
   * Sets the learning rate, of all algorithms.
   *
   * @param rate at least 0
   * @return new options
   */
  public OptimizerOptions learningRate(double rate) {
    return with("lr", rate);
  }

  /**
   * Sets the weight decay, of all algorithms; AdamW's is decoupled from the gradient.
   *
   * @param decay at least 0
   * @return new options
   */
  public OptimizerOptions weightDecay(double decay) {
    return with("weight_decay", decay);
  }

  /**
   * Sets how slowly the moments forget, of AdamW and Adam.
   *
   * @param beta1 of the first moment, at least 0, below 1
   * @param beta2 of the second moment, at least 0, below 1
   * @return new options
   */
  public OptimizerOptions betas(double beta1, double beta2) {
    ObjectNode changed = json.deepCopy();
    changed.putArray("betas").add(beta1).add(beta2);
    return new OptimizerOptions(changed);
  }

  /**
   * Sets what is added to denominators, of all algorithms but SGD.
   *
   * @param eps at least 0
   * @return new options
   */
  public OptimizerOptions eps(double eps) {
    return with("eps", eps);
  }

  /**
   * Sets whether the largest second moment counts, of AdamW and Adam.
   *
   * @param on false by default
   * @return new options
   */
  public OptimizerOptions amsgrad(boolean on) {
    return with("amsgrad", on);
  }

  /**
   * Sets the momentum, of SGD and RMSprop.
   *
   * @param momentum at least 0
   * @return new options
   */
  public OptimizerOptions momentum(double momentum) {
    return with("momentum", momentum);
  }

  /**
   * Sets the dampening of momentum, of SGD.
   *
   * @param dampening 0 by default
   * @return new options
   */
  public OptimizerOptions dampening(double dampening) {
    return with("dampening", dampening);
  }

  /**
   * Sets Nesterov's momentum, of SGD.
   *
   * @param on false by default
   * @return new options
   */
  public OptimizerOptions nesterov(boolean on) {
    return with("nesterov", on);
  }

  /**
   * Sets the decay of the learning rate, of Adagrad.
   *
   * @param decay at least 0
   * @return new options
   */
  public OptimizerOptions learningRateDecay(double decay) {
    return with("lr_decay", decay);
  }

  /**
   * Sets how slowly the mean square forgets, of RMSprop.
   *
   * @param alpha at least 0, below 1
   * @return new options
   */
  public OptimizerOptions alpha(double alpha) {
    return with("alpha", alpha);
  }

  /**
   * Sets whether the variance counts instead of the mean square, of RMSprop.
   *
   * @param on false by default
   * @return new options
   */
  public OptimizerOptions centered(boolean on) {
    return with("centered", on);
  }

  /**
   * The learning rate.
   *
   * @return empty where it is not set
   */
  public OptionalDouble learningRate() {
    return json.has("lr")
        ? OptionalDouble.of(json.get("lr").doubleValue())
        : OptionalDouble.empty();
  }

  /**
   * The options as {@code liboft} takes them.
   *
   * @return a JSON object
   */
  public String json() {
    return Json.text(json);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof OptimizerOptions options && json.equals(options.json);
  }

  @Override
  public int hashCode() {
    return json.hashCode();
  }

  @Override
  public String toString() {
    return json();
  }

  static OptimizerOptions of(ObjectNode json) {
    return new OptimizerOptions(json);
  }

  ObjectNode node() {
    return json.deepCopy();
  }

  private OptimizerOptions with(String key, double value) {
    return new OptimizerOptions(json.deepCopy().put(key, value));
  }

  private OptimizerOptions with(String key, boolean value) {
    return new OptimizerOptions(json.deepCopy().put(key, value));
  }
}
