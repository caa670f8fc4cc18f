package io.github.oft4j.internal;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.zip.ZipEntry;

/**
 * The {@code liboft} of the jar whose classifier is this platform, as the resource {@code
 * native/<platform>/liboft.so}.
 *
 * <p>It is extracted once into {@code <cache>/native/<version>-<checksum>/}, together with the
 * {@code oft-build.properties} beside it, and used from there ever after. The checksum is the one
 * that the jar records, so that a start reads nothing of the jar but its directory.
 */
final class BundledLibrary {
  /** As Maven's os-maven-plugin names it, for example {@code linux-x86_64}. */
  static final String PLATFORM = platform();

  private static final String FOLDER = "native/" + PLATFORM + "/";

  private BundledLibrary() {}

  /** The file on disk; null where there is none. */
  static Path find(SearchReport report) {
    String resource = FOLDER + NativeLibrary.FILE_NAME;
    URL url = BundledLibrary.class.getClassLoader().getResource(resource);
    if (url == null) {
      report.add("classifier jar", "no resource " + resource + " on the class path");
      return null;
    }
    try {
      return url.openConnection() instanceof JarURLConnection connection
          ? extract(connection)
          : Path.of(url.toURI());
    } catch (Exception e) {
      report.add(url.toString(), e);
      return null;
    }
  }

  /** The version of these classes. */
  static String version() {
    Module module = BundledLibrary.class.getModule();
    String version =
        module.isNamed()
            ? module.getDescriptor().rawVersion().orElse(null)
            : BundledLibrary.class.getPackage().getImplementationVersion();
    return version == null ? "unversioned" : version;
  }

  private static Path extract(JarURLConnection connection) throws IOException {
    ZipEntry entry = connection.getJarEntry();
    Path folder =
        UserCache.folder()
            .resolve("native")
            .resolve(version() + "-" + Long.toHexString(entry.getCrc()));
    Path file = folder.resolve(NativeLibrary.FILE_NAME);
    if (!Files.isRegularFile(file) || Files.size(file) != entry.getSize()) {
      Files.createDirectories(folder);
      try (InputStream properties =
          BundledLibrary.class
              .getClassLoader()
              .getResourceAsStream(FOLDER + Libtorch.BUILD_PROPERTIES)) {
        if (properties != null) {
          write(properties, folder.resolve(Libtorch.BUILD_PROPERTIES));
        }
      }
      try (InputStream library = connection.getInputStream()) {
        write(library, file);
      }
    }
    return file;
  }

  /** Another process sees the whole file or none. */
  private static void write(InputStream content, Path file) throws IOException {
    Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
    try {
      Files.copy(content, part, StandardCopyOption.REPLACE_EXISTING);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String os = system.startsWith("mac") ? "osx" : system.startsWith("win") ? "windows" : system;
    String arch = System.getProperty("os.arch");
    return os
        + "-"
        + switch (arch) {
          case "amd64" -> "x86_64";
          case "aarch64" -> "aarch_64";
          default -> arch;
        };
  }
}
