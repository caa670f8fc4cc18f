package io.github.oft4j;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How one forward of an {@link OFTModel} differs from the usual one.
 *
 * {@snippet :
 * var german = ForwardOptions.defaults().adapters("german");
 * Tensor y = model.forward(german, x); // whatever adapters are active
 * }
 *
 * @param adapters used instead of the active ones, in this order; null for the active ones
 * @param recordGrad whether gradients are recorded; null for exactly in training mode
 * @param autocast {@link DType#BFLOAT16} or {@link DType#FLOAT16} for mixed precision; null for
 *     none
 * @param kwargs keyword arguments
 */
public record ForwardOptions(
    List<String> adapters, Boolean recordGrad, DType autocast, Map<String, Object> kwargs) {
  private static final ForwardOptions DEFAULTS = new ForwardOptions(null, null, null, Map.of());

  /** Copies the collections. */
  public ForwardOptions {
    adapters = adapters == null ? null : List.copyOf(adapters);
    kwargs = Collections.unmodifiableMap(new LinkedHashMap<>(kwargs));
  }

  /**
   * The active adapters, gradients exactly in training mode, no mixed precision.
   *
   * @return the options of {@link OFTModel#forward(Object...)}
   */
  public static ForwardOptions defaults() {
    return DEFAULTS;
  }

  /**
   * These options but for the adapters.
   *
   * @param names used instead of the active ones, in this order; none for the bare base
   * @return new options
   */
  public ForwardOptions adapters(String... names) {
    return new ForwardOptions(List.of(names), recordGrad, autocast, kwargs);
  }

  /**
   * These options but for the gradients.
   *
   * @param on whether they are recorded
   * @return new options
   */
  public ForwardOptions recordGrad(boolean on) {
    return new ForwardOptions(adapters, on, autocast, kwargs);
  }

  /**
   * These options but for the precision.
   *
   * @param dtype {@link DType#BFLOAT16} or {@link DType#FLOAT16} for operators that bear it; null
   *     for none
   * @return new options
   */
  public ForwardOptions autocast(DType dtype) {
    return new ForwardOptions(adapters, recordGrad, dtype, kwargs);
  }

  /**
   * These options and one more keyword argument.
   *
   * @param name of the argument
   * @param value as {@link ScriptModule#call} takes it
   * @return new options
   */
  public ForwardOptions kwarg(String name, Object value) {
    var more = new LinkedHashMap<>(kwargs);
    more.put(name, value);
    return new ForwardOptions(adapters, recordGrad, autocast, more);
  }
}
