package io.github.oft4j.cli;

import java.util.Locale;

/** How numbers look in all reports for people. */
final class Figures {
  private Figures() {}

  static String degrees(double radians) {
    return String.format(Locale.ROOT, "%.2f°", Math.toDegrees(radians));
  }

  static String error(double value) {
    return String.format(Locale.ROOT, "%.1e", value);
  }

  static String percent(double share) {
    return String.format(Locale.ROOT, "%.2g %%", 100 * share);
  }

  static String energy(double value) {
    return String.format(Locale.ROOT, "%.6g", value);
  }

  static String number(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  static String count(long number, String noun) {
    return number(number) + " " + noun + (number == 1 ? "" : "s");
  }

  static String shape(Iterable<? extends Number> sizes) {
    var text = new StringBuilder();
    sizes.forEach(size -> text.append(text.isEmpty() ? "" : "×").append(size));
    return text.toString();
  }
}
