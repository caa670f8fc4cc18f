package io.github.oft4j;

import java.util.List;
import java.util.Objects;

/** Which modules a configuration means, as PEFT writes it: a list of names, or one string. */
public sealed interface NameSelector {
  /**
   * Modules with one of these names, or whose path ends with a dot and one of them.
   *
   * @param names for example {@code "query"}
   */
  record Names(List<String> names) implements NameSelector {
    /** Copies the list. */
    public Names {
      names = List.copyOf(names);
    }
  }

  /**
   * Modules whose whole path a regular expression matches; in {@code target_modules} also the word
   * {@code all-linear}.
   *
   * @param regex in Python's syntax
   */
  record Pattern(String regex) implements NameSelector {
    /** Refuses null. */
    public Pattern {
      Objects.requireNonNull(regex, "regex");
    }
  }
}
