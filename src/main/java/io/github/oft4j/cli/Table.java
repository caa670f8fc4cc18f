package io.github.oft4j.cli;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in columns as wide as their widest cell. */
final class Table {
  /** How many rows a reader takes in; more are left out unless asked for. */
  static final int FIRST_ROWS = 20;

  private static final String GAP = "  ";

  private final List<String[]> rows = new ArrayList<>();
  private final boolean[] right;

  /** Columns by title; a title that begins with a space is of a column aligned to the right. */
  Table(String... titles) {
    right = new boolean[titles.length];
    var header = new String[titles.length];
    for (int column = 0; column < titles.length; column++) {
      right[column] = titles[column].startsWith(" ");
      header[column] = titles[column].strip();
    }
    rows.add(header);
  }

  Table row(String... cells) {
    rows.add(cells);
    return this;
  }

  /** The lines, each indented by two and ended. */
  String render() {
    int[] widths = new int[right.length];
    for (String[] row : rows) {
      for (int column = 0; column < widths.length; column++) {
        widths[column] = Math.max(widths[column], width(row[column]));
      }
    }
    var text = new StringBuilder();
    for (String[] row : rows) {
      var line = new StringBuilder();
      for (int column = 0; column < widths.length; column++) {
        String padding = " ".repeat(widths[column] - width(row[column]));
        line.append(GAP).append(right[column] ? padding + row[column] : row[column] + padding);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }

  private static int width(String cell) {
    return cell.codePointCount(0, cell.length());
  }
}
