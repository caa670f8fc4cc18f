package io.github.oft4j.cli;

import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTDeviceException;
import io.github.oft4j.OFTIOException;
import io.github.oft4j.OFTNotFoundException;
import io.github.oft4j.OFTParseException;
import io.github.oft4j.OFTUnsupportedException;
import io.github.oft4j.train.DivergedException;
import java.util.Arrays;
import java.util.Locale;

/** How a command ended, as the shell sees it. */
enum ExitCode {
  /** The job is done. */
  DONE(0),
  /** The command ran, and what it checked or verified is not in order, or its training diverged. */
  CHECK_FAILED(1),
  /** The words of the command line make no command. */
  USAGE(2),
  /** A file, an adapter or a value in them is missing, malformed or does not fit. */
  BAD_INPUT(3),
  /** The operating system refused to read or write. */
  IO(4),
  /** A defect, or a machine that lacks memory or a library. */
  INTERNAL(5),
  /** Stopped by Ctrl-C, which shells count as 128 plus the signal's number. */
  CANCELLED(130);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }

  String jsonName() {
    return name().toLowerCase(Locale.ROOT);
  }

  static ExitCode ofCode(int code) {
    return Arrays.stream(values()).filter(value -> value.code == code).findFirst().orElseThrow();
  }

  static ExitCode of(Throwable failure) {
    return switch (failure) {
      case CliException cli -> cli.exitCode();
      case OFTArgumentException _,
          OFTNotFoundException _,
          OFTParseException _,
          OFTUnsupportedException _,
          OFTDeviceException _ ->
          BAD_INPUT;
      case DivergedException _ -> CHECK_FAILED;
      case OFTIOException _ -> IO;
      case OFTCancelledException _ -> CANCELLED;
      default -> INTERNAL;
    };
  }
}
