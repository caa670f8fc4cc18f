package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeValue;
import io.github.oft4j.internal.NativeValues;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Java values on their way into a native call, and its result on the way back. The result joins the
 * youngest scope that took part, and keeps the Java memory that operands share.
 */
final class Operands {
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

  /** Positional operands. */
  NativeValues values(Object[] values) {
    var list = call.values(values.length);
    for (Object value : values) {
      add(list, value);
    }
    return list;
  }

  /** Positional operands. */
  NativeValues values(Collection<?> values) {
    var list = call.values(values.size());
    for (Object value : values) {
      add(list, value);
    }
    return list;
  }

  /** Keyword operands: one dictionary, or nothing. */
  NativeValues kwargs(Map<String, ?> kwargs) {
    if (kwargs.isEmpty()) {
      return NativeValues.NONE;
    }
    var list = call.values(1);
    addDict(list, kwargs);
    return list;
  }

  /** Takes the {@code oft_value} in the call's out-parameter. */
  Object result() {
    return read(NativeValue.take(call));
  }

  /** The result where only one tensor will do; {@code what} and {@code of} give it. */
  Tensor tensorResult(String what, Object of) {
    NativeValue value = NativeValue.take(call);
    if (value.isTensor()) {
      return Tensor.adopt(call, youngest, anchor);
    }
    Object result = read(value);
    throw new OFTArgumentException(
        what
            + " "
            + of
            + " returns "
            + (result == null ? "nothing" : "a " + result.getClass().getSimpleName())
            + ", not one tensor: use call(...)");
  }

  private void add(NativeValues list, Object value) {
    switch (value) {
      case null -> list.addNone();
      case Tensor tensor -> list.add(join(tensor));
      case Boolean truth -> list.add(truth.booleanValue());
      case Double number -> list.add(number.doubleValue());
      case Float number -> list.add(number.doubleValue());
      case Long number -> list.add(number.longValue());
      case Integer number -> list.add(number.longValue());
      case Short number -> list.add(number.longValue());
      case Byte number -> list.add(number.longValue());
      case String text -> list.add(text);
      case DType dtype -> list.add(dtype.torchName());
      case Device device -> list.add(device.toString());
      case Tuple tuple -> list.add(NativeValue.Kind.TUPLE, values(tuple.items()));
      case List<?> items -> list.add(NativeValue.Kind.LIST, values(items));
      case Map<?, ?> map -> addDict(list, map);
      default -> list.add(NativeValue.Kind.LIST, arrayItems(value));
    }
  }

  private void addDict(NativeValues list, Map<?, ?> map) {
    list.add(values(map.keySet()), values(map.values()));
  }

  private NativeValues arrayItems(Object array) {
    return switch (array) {
      case long[] numbers -> {
        var items = call.values(numbers.length);
        for (long number : numbers) {
          items.add(number);
        }
        yield items;
      }
      case int[] numbers -> {
        var items = call.values(numbers.length);
        for (int number : numbers) {
          items.add((long) number);
        }
        yield items;
      }
      case double[] numbers -> {
        var items = call.values(numbers.length);
        for (double number : numbers) {
          items.add(number);
        }
        yield items;
      }
      case float[] numbers -> {
        var items = call.values(numbers.length);
        for (float number : numbers) {
          items.add((double) number);
        }
        yield items;
      }
      case boolean[] truths -> {
        var items = call.values(truths.length);
        for (boolean truth : truths) {
          items.add(truth);
        }
        yield items;
      }
      case Object[] items -> values(items);
      default ->
          throw new OFTArgumentException(
              "an object of "
                  + array.getClass().getName()
                  + " cannot be an operand: use a Tensor, number, Boolean, String, DType, Device,"
                  + " List, Map, Tuple, array or null");
    };
  }

  private NativeHandle join(Tensor tensor) {
    OFTScope scope = tensor.scope();
    youngest = youngest == null ? scope : OFTScope.youngest(youngest, scope);
    anchor = Anchors.join(anchor, tensor.handle.anchor());
    return tensor.handle;
  }

  private Object read(NativeValue value) {
    return switch (value.kind()) {
      case NONE -> null;
      case TENSOR -> {
        value.toTensor();
        yield Tensor.adopt(call, youngest, anchor);
      }
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
