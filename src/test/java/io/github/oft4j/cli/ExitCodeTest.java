package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTDeviceException;
import io.github.oft4j.OFTException;
import io.github.oft4j.OFTIOException;
import io.github.oft4j.OFTInternalException;
import io.github.oft4j.OFTMemoryException;
import io.github.oft4j.OFTNotFoundException;
import io.github.oft4j.OFTParseException;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.OFTUnsupportedException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ExitCodeTest {
  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(new OFTArgumentException("x"), 3),
        Arguments.of(new OFTNotFoundException("x"), 3),
        Arguments.of(new OFTParseException("x"), 3),
        Arguments.of(new OFTUnsupportedException("x"), 3),
        Arguments.of(new OFTDeviceException("x"), 3),
        Arguments.of(new OFTIOException("x"), 4),
        Arguments.of(new OFTMemoryException("x"), 5),
        Arguments.of(new OFTStateException("x"), 5),
        Arguments.of(new OFTInternalException("x"), 5),
        Arguments.of(new OFTException(-99, "x"), 5),
        Arguments.of(new OutOfMemoryError("x"), 5),
        Arguments.of(new CliException(ExitCode.BAD_INPUT, "x"), 3),
        Arguments.of(new OFTCancelledException("x"), 130));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void everyFailureHasItsCode(Throwable failure, int code) {
    assertEquals(code, ExitCode.of(failure).code());
    assertEquals(ExitCode.of(failure), ExitCode.ofCode(code));
  }
}
