package io.github.oft4j.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A failure of the command line itself, with a text for its user. */
final class CliException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ExitCode exitCode;

  private CliException(ExitCode exitCode, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  CliException(ExitCode exitCode, String message) {
    this(exitCode, message, null);
  }

  /** What could not be done, and what the operating system said to it. */
  static CliException io(String message, IOException cause) {
    return new CliException(ExitCode.IO, message + ": " + reason(cause), cause);
  }

  /** An input that could not be read. */
  static CliException unreadable(Path input, IOException cause) {
    var exitCode = cause instanceof NoSuchFileException ? ExitCode.BAD_INPUT : ExitCode.IO;
    return new CliException(exitCode, "cannot read " + input + ": " + reason(cause), cause);
  }

  ExitCode exitCode() {
    return exitCode;
  }

  /** The JDK's messages are no more than the path. */
  private static String reason(IOException cause) {
    return switch (cause) {
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "something else is there";
      case FileSystemException system when system.getReason() != null -> system.getReason();
      default -> cause.getMessage();
    };
  }
}
