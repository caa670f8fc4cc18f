package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "5GB, 5000000000",
    "5gb, 5000000000",
    "500MB, 500000000",
    "200 KB, 200000",
    "1.5GB, 1500000000",
    "5GiB, 5368709120",
    "0.5MiB, 524288",
    "1TB, 1000000000000",
    "123, 123",
    "123B, 123",
    "' 7kib ', 7168"
  })
  void unitsAreDecimalUnlessTheySayBinary(String text, long bytes) {
    assertEquals(bytes, ByteSize.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "GB", "5XB", "-5GB", "5 G B", "1e9", "5,5GB", "0GB", "0.1B", "9e99"})
  void otherTextsAreNamed(String text) {
    var failure = assertThrows(TypeConversionException.class, () -> ByteSize.parse(text));
    assertTrue(failure.getMessage().startsWith("'" + text + "' is no"), failure.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"10000000TB", "99999999999999999999999"})
  void sizesBeyondALongAreRefused(String text) {
    assertThrows(TypeConversionException.class, () -> ByteSize.parse(text));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "999, 999 B",
    "1000, 1.0 KB",
    "999949, 999.9 KB",
    "999950, 1.0 MB",
    "336000000, 336.0 MB",
    "15000000000, 15.0 GB",
    "2000000000000000, 2000.0 TB"
  })
  void sizesAreWrittenInDecimalUnits(long bytes, String text) {
    assertEquals(text, ByteSize.format(bytes));
  }
}
