package io.github.oft4j.cli;

import java.util.List;

/** Layers in texts for a person. */
final class LayerList {
  private LayerList() {}

  /** The first layers, or all. */
  static <T> List<T> first(List<T> layers, boolean all) {
    return all ? layers : layers.subList(0, Math.min(layers.size(), Table.FIRST_ROWS));
  }

  /** For example "unet/conv_in"; the name alone where the component is empty. */
  static String path(String component, String name) {
    return component.isEmpty() ? name : component + "/" + name;
  }
}
