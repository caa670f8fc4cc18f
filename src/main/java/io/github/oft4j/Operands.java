package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Java values on their way into a native call, and its result on the way back. The result joins the
 * youngest scope that took part, and keeps the Java memory that operands share.
 */
final class Operands {
  /** Two things that must stay reachable; a tree, so that joining them costs no copy. */
  private record Anchors(Object first, Object second) {}

  private final Call call;
  private OFTScope youngest;
  private Object anchor;

  /**
   * Operands of one call.
   *
   * @param scope of what is called; null where that is nothing that a scope owns
   */
  Operands(Call call, OFTScope scope) {
    this.call = call;
    youngest = scope;
  }

  /** The scope that the result is to join; null where there is none. */
  OFTScope scope() {
    return youngest;
  }

  /** The Java memory that operands share; null where there is none. */
  Object anchor() {
    return anchor;
  }

  /** Tensors that cross the border as they are. */
  List<NativeHandle> handles(List<Tensor> tensors) {
    return tensors.stream().map(this::join).toList();
  }

  List<NativeValue> values(List<?> values) {
    var list = new ArrayList<NativeValue>(values.size());
    for (Object value : values) {
      list.add(value(value));
    }
    return list;
  }

  NativeValue value(Object value) {
    return switch (value) {
      case null -> NativeValue.none(call);
      case Tensor tensor -> tensor(tensor);
      case Boolean truth -> NativeValue.of(call, truth.booleanValue());
      case Double number -> NativeValue.of(call, number.doubleValue());
      case Float number -> NativeValue.of(call, number.doubleValue());
      case Long number -> NativeValue.of(call, number.longValue());
      case Integer number -> NativeValue.of(call, number.longValue());
      case Short number -> NativeValue.of(call, number.longValue());
      case Byte number -> NativeValue.of(call, number.longValue());
      case String text -> NativeValue.of(call, text);
      case DType dtype -> NativeValue.of(call, dtype.torchName());
      case Device device -> NativeValue.of(call, device.toString());
      case Tuple tuple -> NativeValue.of(call, NativeValue.Kind.TUPLE, values(tuple.items()));
      case List<?> list -> list(list);
      case Map<?, ?> map -> dict(map);
      case long[] numbers -> list(Arrays.stream(numbers).boxed().toList());
      case int[] numbers -> list(Arrays.stream(numbers).boxed().toList());
      case double[] numbers -> list(Arrays.stream(numbers).boxed().toList());
      case float[] numbers ->
          list(IntStream.range(0, numbers.length).mapToObj(i -> numbers[i]).toList());
      case boolean[] truths ->
          list(IntStream.range(0, truths.length).mapToObj(i -> truths[i]).toList());
      case Object[] items -> list(Arrays.asList(items));
      default ->
          throw new OFTArgumentException(
              "an object of "
                  + value.getClass().getName()
                  + " cannot be an operand: use a Tensor, number, Boolean, String, DType, Device,"
                  + " List, Map, Tuple, array or null");
    };
  }

  NativeValue dict(Map<?, ?> map) {
    return NativeValue.of(
        call, values(new ArrayList<>(map.keySet())), values(new ArrayList<>(map.values())));
  }

  /** Takes the {@code oft_value} in the call's out-parameter. */
  Object result() {
    return read(NativeValue.take(call));
  }

  /** The result where only one tensor will do. */
  Tensor tensorResult(String what) {
    Object result = result();
    if (result instanceof Tensor tensor) {
      return tensor;
    }
    throw new OFTArgumentException(
        what
            + " returns "
            + (result == null ? "nothing" : "a " + result.getClass().getSimpleName())
            + ", not one tensor: use call(...)");
  }

  private NativeValue tensor(Tensor tensor) {
    return NativeValue.of(call, join(tensor));
  }

  private NativeHandle join(Tensor tensor) {
    OFTScope scope = tensor.scope();
    youngest = youngest == null ? scope : OFTScope.youngest(youngest, scope);
    NativeHandle handle = tensor.handle;
    if (handle.anchor() != null && handle.anchor() != anchor) {
      anchor = anchor == null ? handle.anchor() : new Anchors(anchor, handle.anchor());
    }
    return handle;
  }

  private NativeValue list(List<?> items) {
    return NativeValue.of(call, NativeValue.Kind.LIST, values(items));
  }

  private Object read(NativeValue value) {
    return switch (value.kind()) {
      case NONE -> null;
      case TENSOR -> value.tensor(() -> Tensor.adopt(call, youngest, anchor));
      case INT -> value.toLong();
      case DOUBLE -> value.toDouble();
      case BOOL -> value.toBoolean();
      case TEXT -> value.text();
      case LIST -> items(value);
      case TUPLE -> new Tuple(items(value));
      case DICT -> {
        var map = new LinkedHashMap<Object, Object>();
        for (int i = 0; i < value.size(); i++) {
          map.put(read(value.key(i)), read(value.item(i)));
        }
        yield map;
      }
    };
  }

  private List<Object> items(NativeValue value) {
    int size = value.size();
    var items = new ArrayList<Object>(size);
    for (int i = 0; i < size; i++) {
      items.add(read(value.item(i)));
    }
    return items;
  }
}
