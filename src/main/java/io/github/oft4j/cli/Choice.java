package io.github.oft4j.cli;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * One of a few words.
 *
 * @param <E> the words, by default as {@link #word} spells them
 */
abstract class Choice<E extends Enum<E>> implements ITypeConverter<E> {
  private final E[] choices;
  private final Function<? super E, String> spelling;

  Choice(Class<E> type) {
    this(type, Choice::word);
  }

  Choice(Class<E> type, Function<? super E, String> spelling) {
    choices = type.getEnumConstants();
    this.spelling = spelling;
  }

  /** For example "cross-entropy" for CROSS_ENTROPY. */
  static String word(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public final E convert(String word) {
    return Arrays.stream(choices)
        .filter(choice -> spelling.apply(choice).equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'"
                        + word
                        + "' is none of "
                        + Arrays.stream(choices).map(spelling).collect(Collectors.joining(", "))));
  }
}
