package io.github.oft4j.cli;

import java.util.List;
import java.util.stream.Collectors;

/** Text for a person: a title, aligned facts below it, tables, and warnings. */
final class Facts {
  private static final int MOST_NAMES = 8;
  private static final String FACT = "  %-14s %s\n";

  private final StringBuilder text = new StringBuilder();

  Facts(String title) {
    text.append(title).append('\n');
  }

  Facts fact(String label, String value) {
    text.append(String.format(FACT, label, value));
    return this;
  }

  /** The first names of a list; nothing where it is empty. */
  Facts list(String label, List<String> names) {
    if (names.isEmpty()) {
      return this;
    }
    String shown = names.stream().limit(MOST_NAMES).collect(Collectors.joining(", "));
    int left = names.size() - MOST_NAMES;
    return fact(label, left > 0 ? shown + ", … and " + left + " more" : shown);
  }

  Facts table(Table table) {
    text.append('\n').append(table.render());
    return this;
  }

  /** Tells how many rows a table left out, if any. */
  Facts more(int left, String noun) {
    return left == 0 ? this : line("  … and " + Figures.count(left, noun) + " (--all lists them)");
  }

  Facts line(String line) {
    text.append(line).append('\n');
    return this;
  }

  Facts warnings(List<String> warnings) {
    warnings.forEach(warning -> fact("warning", warning));
    return this;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
