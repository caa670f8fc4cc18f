package io.github.oft4j.internal;

import io.github.oft4j.OFTLibraryException;
import io.github.oft4j.internal.ffm.OftC;

/** Every place where the native library was looked for, and why it was passed over. */
final class SearchReport {
  private final StringBuilder places = new StringBuilder();
  private Throwable cause;

  void add(String place, String reason) {
    places.append("\n  ").append(place).append(": ").append(reason);
  }

  void add(String place, Throwable reason) {
    add(place, reason.getMessage());
    cause = reason;
  }

  OFTLibraryException exception() {
    return exception("liboft could not be loaded:", cause);
  }

  OFTLibraryException exception(String headline, Throwable cause) {
    return new OFTLibraryException(
        headline
            + places
            + "\nset -Doft4j.library=FILE and -Doft4j.libtorch=FOLDER, or put the jar oft4j-"
            + BundledLibrary.PLATFORM
            + " on the class path ("
            + versions()
            + ")",
        cause);
  }

  private static String versions() {
    return "oft4j "
        + BundledLibrary.version()
        + ", C ABI "
        + OftC.OFT_ABI_VERSION()
        + ", Java "
        + Runtime.version()
        + ", "
        + System.getProperty("os.name")
        + " "
        + System.getProperty("os.arch");
  }
}
