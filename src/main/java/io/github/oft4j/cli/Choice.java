package io.github.oft4j.cli;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * One of a few words.
 *
 * @param <E> the words, as {@link #word} spells them
 */
abstract class Choice<E extends Enum<E>> implements ITypeConverter<E> {
  private final E[] choices;

  Choice(Class<E> type) {
    choices = type.getEnumConstants();
  }

  /** For example "cross-entropy" for CROSS_ENTROPY. */
  static String word(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public final E convert(String word) {
    return Arrays.stream(choices)
        .filter(choice -> word(choice).equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'"
                        + word
                        + "' is none of "
                        + Arrays.stream(choices)
                            .map(Choice::word)
                            .collect(Collectors.joining(", "))));
  }
}
