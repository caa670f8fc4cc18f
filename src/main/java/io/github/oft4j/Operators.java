package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeValue;
import io.github.oft4j.internal.NativeValues;
import io.github.oft4j.internal.ffm.OftC;
import java.util.List;
import java.util.Map;

/**
 * Every operator of libtorch, by name. The named operations of {@link Tensor} are calls of this.
 *
 * {@snippet :
 * var gated = (Tensor) Operators.call("aten::glu", x, -1);
 * var top = (Tuple) Operators.call("aten::topk", List.of(x, 5), Map.of("largest", true));
 * var noise = (Tensor) Operators.call(scope, "aten::randn", List.of(new long[] {2, 3}), Map.of());
 * }
 *
 * <p>Operands may be tensors, numbers, booleans, strings, {@link DType}s, {@link Device}s, lists,
 * maps, {@link Tuple}s, arrays and null, results are tensors, {@link Long}, {@link Double}, {@link
 * Boolean}, {@link String}, {@link List}, {@link Map}, {@link Tuple} and null. Gradients are
 * recorded where an operand {@linkplain Tensor#requiresGrad requires} them. New tensors join the
 * youngest scope among the operands. Any number of threads may call operators.
 */
public final class Operators {
  private Operators() {}

  /**
   * Calls an operator.
   *
   * @param name for example {@code "aten::softmax"}, or with an overload {@code
   *     "aten::softmax.int"}; without one, the first overload that takes the operands
   * @param args positional operands, at least one tensor among them
   * @return its result; a {@link Tuple} where there are several, null where there is none
   * @throws OFTNotFoundException where there is no such operator; names the nearest
   * @throws OFTArgumentException where the operands do not fit; names the signatures
   */
  public static Object call(String name, Object... args) {
    try (var call = Call.open()) {
      var operands = new Operands(call, null);
      invoke(call, operands, name, operands.values(args), NativeValues.NONE);
      return operands.result();
    }
  }

  /**
   * Calls an operator with keyword operands.
   *
   * @param name as for {@link #call(String, Object...)}
   * @param args positional operands
   * @param kwargs keyword operands; at least one tensor among all operands
   * @return as {@link #call(String, Object...)}
   * @throws OFTNotFoundException where there is no such operator; names the nearest
   * @throws OFTArgumentException where the operands do not fit; names the signatures
   */
  public static Object call(String name, List<?> args, Map<String, ?> kwargs) {
    return call(null, name, args, kwargs);
  }

  /**
   * Calls an operator that needs no tensor.
   *
   * @param scope the oldest scope that new tensors may join; a younger one of an operand is taken
   * @param name as for {@link #call(String, Object...)}
   * @param args positional operands
   * @param kwargs keyword operands
   * @return as {@link #call(String, Object...)}
   * @throws OFTNotFoundException where there is no such operator; names the nearest
   * @throws OFTArgumentException where the operands do not fit; names the signatures
   */
  public static Object call(OFTScope scope, String name, List<?> args, Map<String, ?> kwargs) {
    try (var call = Call.open()) {
      var operands = new Operands(call, scope);
      invoke(call, operands, name, operands.values(args), operands.kwargs(kwargs));
      return operands.result();
    }
  }

  /** Calls an operator whose only result is a tensor. */
  static Tensor tensor(String name, Object... args) {
    try (var call = Call.open()) {
      var operands = new Operands(call, null);
      invoke(call, operands, name, operands.values(args), NativeValues.NONE);
      return operands.tensorResult("operator", name);
    }
  }

  // The same for the operands that most operators have, which then cost no object: self is a
  // Tensor, as which its interfaces do not know themselves.

  static Tensor tensor(String name, Object self) {
    try (var call = Call.open()) {
      var tensor = (Tensor) self;
      return tensor(call, name, call.values(1).add(tensor.handle), tensor);
    }
  }

  static Tensor tensor(String name, Object self, double number) {
    try (var call = Call.open()) {
      var tensor = (Tensor) self;
      return tensor(call, name, call.values(2).add(tensor.handle).add(number), tensor);
    }
  }

  static Tensor tensor(String name, Object self, long number) {
    try (var call = Call.open()) {
      var tensor = (Tensor) self;
      return tensor(call, name, call.values(2).add(tensor.handle).add(number), tensor);
    }
  }

  static Tensor tensor(String name, Object self, Tensor other) {
    try (var call = Call.open()) {
      var tensor = (Tensor) self;
      var args = call.values(2).add(tensor.handle).add(other.handle);
      run(call, name, args, NativeValues.NONE);
      return tensor(
          call,
          OFTScope.youngest(tensor.scope(), other.scope()),
          Anchors.join(tensor.handle.anchor(), other.handle.anchor()));
    }
  }

  private static Tensor tensor(Call call, String name, NativeValues args, Tensor operand) {
    run(call, name, args, NativeValues.NONE);
    return tensor(call, operand.scope(), operand.handle.anchor());
  }

  private static Tensor tensor(Call call, OFTScope scope, Object anchor) {
    NativeValue.take(call).toTensor();
    return Tensor.adopt(call, scope, anchor);
  }

  private static void invoke(
      Call call, Operands operands, String name, NativeValues args, NativeValues kwargs) {
    if (operands.scope() == null) {
      throw new OFTArgumentException(
          "operator "
              + name
              + " got no tensor, whose scope its result could join: use call(scope, name, args,"
              + " kwargs)");
    }
    run(call, name, args, kwargs);
  }

  private static void run(Call call, String name, NativeValues args, NativeValues kwargs) {
    var text = call.name(name);
    call.check(
        OftC.oft_operator_call(
            text.data(),
            text.size(),
            args.array(),
            args.size(),
            kwargs.single(),
            call.out(),
            call.error()));
  }
}
