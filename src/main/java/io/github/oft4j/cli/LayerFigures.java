package io.github.oft4j.cli;

import io.github.oft4j.CheckedLayer;
import io.github.oft4j.Side;
import java.util.Collections;

/** What all views of a check say of a layer. */
final class LayerFigures {
  private LayerFigures() {}

  /** Its name, which is its own among all components of a pipeline. */
  static String title(CheckedLayer layer) {
    return LayerList.path(layer.component(), layer.name());
  }

  /** Its kind, and how it is turned where that is not the usual way. */
  static String kind(CheckedLayer layer) {
    var text = new StringBuilder(layer.kind().jsonName());
    if (layer.side() == Side.OUTPUT) {
      text.append(", output side");
    }
    if (layer.factors() > 1) {
      text.append(", ").append(Figures.count(layer.factors(), "factor"));
    }
    return text.toString();
  }

  /** In radians; 0 for a layer without blocks. */
  static double largestAngle(CheckedLayer layer) {
    return layer.blockAngles().isEmpty() ? 0 : Collections.max(layer.blockAngles());
  }

  /** As a share of the energy before. */
  static double energyChange(CheckedLayer layer) {
    return layer.energyAfter() == layer.energyBefore() // 0 where there is but one vector
        ? 0
        : Math.abs(layer.energyAfter() / layer.energyBefore() - 1);
  }
}
