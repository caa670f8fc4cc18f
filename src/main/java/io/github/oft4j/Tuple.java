package io.github.oft4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A tuple of TorchScript: a fixed number of items, each of its own type. A {@link List} stands for
 * a TorchScript list, whose items are of one type.
 *
 * @param items in order; may contain null
 */
public record Tuple(List<Object> items) {
  /** Copies the items. */
  public Tuple {
    items = Collections.unmodifiableList(new ArrayList<>(items));
  }

  /**
   * A tuple of these items.
   *
   * @param items may contain null
   * @return the tuple
   */
  public static Tuple of(Object... items) {
    return new Tuple(Arrays.asList(items));
  }

  /**
   * One item.
   *
   * @param index from 0
   * @return a tensor, number, truth value, text, list, map, tuple or null
   * @throws IndexOutOfBoundsException where there is no such item
   */
  public Object get(int index) {
    return items.get(index);
  }

  /**
   * The number of items.
   *
   * @return at least 0
   */
  public int size() {
    return items.size();
  }
}
