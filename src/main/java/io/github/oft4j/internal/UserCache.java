package io.github.oft4j.internal;

import java.nio.file.Path;

/** Where oft keeps files of a user that can be made again. */
final class UserCache {
  private UserCache() {}

  /** {@code ${XDG_CACHE_HOME:-~/.cache}/oft4j}, which may not exist yet. */
  static Path folder() {
    String base = System.getenv("XDG_CACHE_HOME");
    return base == null || base.isEmpty()
        ? Path.of(System.getProperty("user.home"), ".cache", "oft4j")
        : Path.of(base, "oft4j");
  }
}
