package io.github.oft4j.cli;

import java.util.Comparator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Compares names as people do: {@code layer.2} comes before {@code layer.10}. */
final class NaturalOrder implements Comparator<String> {
  private static final Pattern PART = Pattern.compile("0*(\\d+)|\\D+");

  @Override
  public int compare(String left, String right) {
    var lefts = PART.matcher(left).results().iterator();
    var rights = PART.matcher(right).results().iterator();
    while (lefts.hasNext() && rights.hasNext()) {
      int order = compare(lefts.next(), rights.next());
      if (order != 0) {
        return order;
      }
    }
    if (lefts.hasNext() || rights.hasNext()) {
      return lefts.hasNext() ? 1 : -1;
    }
    return left.compareTo(right); // apart by zeros before a number, if at all
  }

  private static int compare(MatchResult left, MatchResult right) {
    String number = left.group(1);
    String other = right.group(1);
    if (number == null || other == null) {
      return left.group().compareTo(right.group());
    }
    return number.length() == other.length()
        ? number.compareTo(other)
        : number.length() - other.length();
  }
}
