package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An optimizer of libtorch, which steps parameters in place along their gradients.
 *
 * {@snippet :
 * try (var optimizer = Optimizer.adamW(model.trainableParameters(), 1e-3)) {
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 * }
 * }
 *
 * <p>It belongs to the youngest scope of its parameters, and can be closed earlier. Not safe beside
 * other uses of the optimizer, of its parameters, or of the model that they belong to.
 */
public final class Optimizer extends NativeObject implements AutoCloseable {
  /** How parameters are stepped. */
  public enum Algorithm {
    /** Adam with decoupled weight decay, 0.01 by default. */
    ADAM_W("AdamW"),
    /** Adam. */
    ADAM("Adam"),
    /** Stochastic gradient descent. */
    SGD("SGD"),
    /** Adagrad. */
    ADAGRAD("Adagrad"),
    /** RMSprop. */
    RMS_PROP("RMSprop");

    private final String torchName;

    Algorithm(String torchName) {
      this.torchName = torchName;
    }

    /**
     * The name that libtorch uses.
     *
     * @return for example {@code "AdamW"}
     */
    public String torchName() {
      return torchName;
    }
  }

  /** Collects the parameter groups of an optimizer. */
  public static final class Builder {
    private final ObjectNode spec = Json.object();
    private final ArrayNode groups;
    private final List<Tensor> parameters = new ArrayList<>();

    private Builder(Algorithm algorithm) {
      spec.put("type", algorithm.torchName());
      groups = spec.putArray("groups");
    }

    /**
     * Adds a group of parameters with options of their own.
     *
     * @param tensors leaves that require gradients
     * @param options of these tensors
     * @return this
     */
    public Builder group(List<Tensor> tensors, OptimizerOptions options) {
      groups.add(options.node().put("count", tensors.size()));
      parameters.addAll(tensors);
      return this;
    }

    /**
     * Makes the optimizer.
     *
     * @return in the youngest scope of its parameters
     * @throws OFTArgumentException where there is no parameter, one comes twice or cannot train, or
     *     an option is unknown to the algorithm or out of range
     */
    public Optimizer build() {
      if (parameters.isEmpty()) {
        throw new OFTArgumentException(
            "an optimizer needs parameters: does an active adapter train? See"
                + " OFTModel.trainableParameters()");
      }
      try (var call = Call.open()) {
        var operands = new Operands(call, null);
        var tensors = call.leaseAll(operands.handles(parameters));
        var json = call.utf8(Json.text(spec));
        call.check(
            OftC.oft_optimizer_create(
                json.data(), json.size(), tensors, parameters.size(), call.out(), call.error()));
        var handle =
            new NativeHandle(
                call.outPointer(),
                NativeType.OPTIMIZER,
                "Optimizer " + spec.get("type").textValue(),
                0,
                operands.anchor());
        OFTScope scope = operands.scope();
        return new Optimizer(scope, scope.own(handle), groups.size());
      }
    }
  }

  private final int groups;

  private Optimizer(OFTScope scope, NativeHandle handle, int groups) {
    super(scope, handle);
    this.groups = groups;
  }

  /**
   * An optimizer of several parameter groups.
   *
   * @param algorithm of all of them
   * @return to be filled
   */
  public static Builder builder(Algorithm algorithm) {
    return new Builder(algorithm);
  }

  /**
   * AdamW with libtorch's defaults: betas 0.9 and 0.999, eps 1e-8, weight decay 0.01.
   *
   * @param parameters leaves that require gradients
   * @param learningRate at least 0
   * @return a new optimizer
   * @throws OFTArgumentException as {@link Builder#build} does
   */
  public static Optimizer adamW(List<Tensor> parameters, double learningRate) {
    return create(Algorithm.ADAM_W, parameters, OptimizerOptions.ofLearningRate(learningRate));
  }

  /**
   * Adam with libtorch's defaults: betas 0.9 and 0.999, eps 1e-8, no weight decay.
   *
   * @param parameters leaves that require gradients
   * @param learningRate at least 0
   * @return a new optimizer
   * @throws OFTArgumentException as {@link Builder#build} does
   */
  public static Optimizer adam(List<Tensor> parameters, double learningRate) {
    return create(Algorithm.ADAM, parameters, OptimizerOptions.ofLearningRate(learningRate));
  }

  /**
   * Stochastic gradient descent without weight decay.
   *
   * @param parameters leaves that require gradients
   * @param learningRate at least 0
   * @param momentum 0 for none
   * @return a new optimizer
   * @throws OFTArgumentException as {@link Builder#build} does
   */
  public static Optimizer sgd(List<Tensor> parameters, double learningRate, double momentum) {
    return create(
        Algorithm.SGD,
        parameters,
        OptimizerOptions.ofLearningRate(learningRate).momentum(momentum));
  }

  /**
   * Adagrad with libtorch's defaults: eps 1e-10, no decay.
   *
   * @param parameters leaves that require gradients
   * @param learningRate at least 0
   * @return a new optimizer
   * @throws OFTArgumentException as {@link Builder#build} does
   */
  public static Optimizer adagrad(List<Tensor> parameters, double learningRate) {
    return create(Algorithm.ADAGRAD, parameters, OptimizerOptions.ofLearningRate(learningRate));
  }

  /**
   * RMSprop with libtorch's defaults: alpha 0.99, eps 1e-8, no momentum.
   *
   * @param parameters leaves that require gradients
   * @param learningRate at least 0
   * @return a new optimizer
   * @throws OFTArgumentException as {@link Builder#build} does
   */
  public static Optimizer rmsProp(List<Tensor> parameters, double learningRate) {
    return create(Algorithm.RMS_PROP, parameters, OptimizerOptions.ofLearningRate(learningRate));
  }

  /** Steps every parameter that has a gradient. */
  public void step() {
    try (var call = Call.open()) {
      call.check(OftC.oft_optimizer_step(call.lease(handle), call.error()));
    }
  }

  /** Drops the gradients of all parameters. */
  public void zeroGrad() {
    try (var call = Call.open()) {
      call.check(OftC.oft_optimizer_zero_grad(call.lease(handle), call.error()));
    }
  }

  /**
   * The number of parameter groups.
   *
   * @return at least 1
   */
  public int groups() {
    return groups;
  }

  /**
   * Sets the learning rate of all groups.
   *
   * @param rate at least 0
   * @throws OFTArgumentException where it is negative
   */
  public void setLearningRate(double rate) {
    for (int group = 0; group < groups; group++) {
      setLearningRate(group, rate);
    }
  }

  /**
   * Sets the learning rate of one group.
   *
   * @param group from 0
   * @param rate at least 0
   * @throws OFTArgumentException where it is negative, or there is no such group
   */
  public void setLearningRate(int group, double rate) {
    setOptions(group, OptimizerOptions.ofLearningRate(rate));
  }

  /**
   * The learning rate of the first group.
   *
   * @return as set last
   */
  public double learningRate() {
    return learningRate(0);
  }

  /**
   * The learning rate of one group.
   *
   * @param group from 0
   * @return as set last
   * @throws OFTArgumentException where there is no such group
   */
  public double learningRate(int group) {
    return options(group).learningRate().orElseThrow();
  }

  /**
   * The options of one group.
   *
   * @param group from 0
   * @return all that the algorithm has
   * @throws OFTArgumentException where there is no such group
   */
  public OptimizerOptions options(int group) {
    if (group < 0 || group >= groups) {
      throw new OFTArgumentException(
          "parameter group " + group + " does not exist: there are " + groups + ", from 0");
    }
    var options = (ObjectNode) json().get("groups").get(group);
    options.remove("count");
    return OptimizerOptions.of(options);
  }

  /**
   * Changes options of one group.
   *
   * @param group from 0
   * @param options those not set stay
   * @throws OFTArgumentException where an option is unknown to the algorithm or out of range, or
   *     there is no such group
   */
  public void setOptions(int group, OptimizerOptions options) {
    try (var call = Call.open()) {
      var json = call.utf8(options.json());
      call.check(
          OftC.oft_optimizer_set_options(
              call.lease(handle), group, json.data(), json.size(), call.error()));
    }
  }

  /**
   * Writes moments, step counts and options, atomically.
   *
   * @param file replaced where it exists
   * @throws OFTIOException where the operating system refuses to write
   */
  public void save(Path file) {
    try (var call = Call.open()) {
      var text = call.path(file);
      call.check(
          OftC.oft_optimizer_save(call.lease(handle), text.data(), text.size(), call.error()));
    }
  }

  /**
   * Reads what {@link #save} wrote for an optimizer of the same algorithm and groups.
   *
   * @param file to read
   * @throws OFTNotFoundException where there is no such file
   * @throws OFTParseException where it is malformed
   * @throws OFTArgumentException where it is that of another optimizer
   */
  public void load(Path file) {
    try (var call = Call.open()) {
      var text = call.path(file);
      call.check(
          OftC.oft_optimizer_load(call.lease(handle), text.data(), text.size(), call.error()));
    }
  }

  private static Optimizer create(
      Algorithm algorithm, List<Tensor> parameters, OptimizerOptions options) {
    return builder(algorithm).group(parameters, options).build();
  }

  private JsonNode json() {
    try (var call = Call.open()) {
      var optimizer = call.lease(handle);
      return Json.parse(
          call.text(
              (buffer, capacity, outSize, outError) ->
                  OftC.oft_optimizer_to_json(optimizer, buffer, capacity, outSize, outError)));
    }
  }
}
