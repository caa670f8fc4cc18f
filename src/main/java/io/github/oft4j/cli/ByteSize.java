package io.github.oft4j.cli;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Sizes as transformers writes them: {@code 5GB} is 5·10⁹ bytes, {@code 5GiB} is 5·2³⁰. */
final class ByteSize implements ITypeConverter<Long> {
  private static final Pattern FORM = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([A-Za-z]*)");
  private static final Map<String, Long> UNITS =
      Map.of(
          "", 1L,
          "B", 1L,
          "KB", 1_000L,
          "MB", 1_000_000L,
          "GB", 1_000_000_000L,
          "TB", 1_000_000_000_000L,
          "KIB", 1L << 10,
          "MIB", 1L << 20,
          "GIB", 1L << 30,
          "TIB", 1L << 40);

  @Override
  public Long convert(String text) {
    return parse(text);
  }

  static long parse(String text) {
    var form = FORM.matcher(text.strip());
    Long unit = form.matches() ? UNITS.get(form.group(2).toUpperCase(Locale.ROOT)) : null;
    if (unit == null) {
      throw new TypeConversionException(
          "'" + text + "' is not a size: write it like 5GB, 500MB, 2.5GiB, or in bytes");
    }
    var bytes = new BigDecimal(form.group(1)).multiply(BigDecimal.valueOf(unit));
    if (bytes.compareTo(BigDecimal.ONE) < 0
        || bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw new TypeConversionException(
          "'" + text + "' is no usable size: it must be at least one byte and below 8 EiB");
    }
    return bytes.longValue();
  }

  static String format(long bytes) {
    if (bytes < 1_000) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = -1;
    do {
      value /= 1_000;
      unit++;
    } while (value >= 999.95 && unit < 3);
    return String.format(Locale.ROOT, "%.1f %sB", value, "KMGT".charAt(unit));
  }
}
