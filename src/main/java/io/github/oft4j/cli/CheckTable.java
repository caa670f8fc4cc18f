package io.github.oft4j.cli;

import io.github.oft4j.CheckedLayer;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** The table of all layers in a check's page; its script sorts it by what the cells carry. */
final class CheckTable {
  /**
   * A column.
   *
   * @param number what it is sorted by; null for a column of text
   */
  private record Column(
      String title, Function<CheckedLayer, String> text, ToDoubleFunction<CheckedLayer> number) {

    Html header() {
      return number == null ? heading(title) : heading(title).style("number");
    }

    Html cell(CheckedLayer layer) {
      Html cell = Html.of("td", text.apply(layer));
      return number == null ? cell : cell.attribute("data-value", number.applyAsDouble(layer));
    }
  }

  private static final List<Column> COLUMNS =
      List.of(
          new Column("kind", LayerFigures::kind, null),
          new Column(
              "shape",
              layer -> Figures.shape(layer.shape()),
              layer ->
                  layer.shape().stream().mapToDouble(Long::doubleValue).reduce(1, (a, b) -> a * b)),
          new Column("block", layer -> Long.toString(layer.blockSize()), CheckedLayer::blockSize),
          new Column("blocks", layer -> Long.toString(layer.blocks()), CheckedLayer::blocks),
          new Column(
              "‖RᵀR−I‖",
              layer -> Figures.error(layer.orthogonalityError()),
              CheckedLayer::orthogonalityError),
          new Column(
              "largest angle",
              layer -> Figures.degrees(LayerFigures.largestAngle(layer)),
              LayerFigures::largestAngle),
          new Column(
              "mean angle", layer -> Figures.degrees(layer.meanAngle()), CheckedLayer::meanAngle),
          new Column(
              "energy before",
              layer -> Figures.energy(layer.energyBefore()),
              CheckedLayer::energyBefore),
          new Column(
              "energy after",
              layer -> Figures.energy(layer.energyAfter()),
              CheckedLayer::energyAfter),
          new Column(
              "change",
              layer -> Figures.percent(LayerFigures.energyChange(layer)),
              LayerFigures::energyChange));

  private CheckTable() {}

  /** The layers in this order. */
  static Html of(List<CheckedLayer> layers) {
    Html header = Html.of("tr").add(heading("layer"));
    COLUMNS.forEach(column -> header.add(column.header()));
    Html body = Html.of("tbody");
    layers.forEach(layer -> body.add(row(layer)));
    return Html.of("table")
        .attribute("id", "layers")
        .add(Html.of("caption", "All layers that were measured"))
        .add(Html.of("thead").add(header), body);
  }

  private static Html row(CheckedLayer layer) {
    Html row = Html.of("tr");
    row.add(name(LayerFigures.title(layer)).attribute("scope", "row").style("name"));
    COLUMNS.forEach(column -> row.add(column.cell(layer)));
    return row;
  }

  /** A long name breaks after a dot. */
  private static Html name(String name) {
    Html cell = Html.of("th");
    for (String part : name.splitWithDelimiters("\\.", 0)) {
      cell.text(part);
      if (part.equals(".")) {
        cell.add(Html.of("wbr"));
      }
    }
    return cell;
  }

  private static Html heading(String text) {
    return Html.of("th", text).attribute("scope", "col");
  }
}
