package io.github.oft4j.internal;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * Finds the libtorch that a {@code liboft} needs, and loads both. Places, in this order:
 *
 * <ol>
 *   <li>the folder that the system property {@code oft4j.libtorch} names, else the environment's
 *       {@code LIBTORCH}; where one is set, nothing else is tried
 *   <li>{@code libtorch} of the file {@code oft-build.properties} beside {@code liboft}
 *   <li>where the dynamic linker finds it: the run path of {@code liboft}, {@code LD_LIBRARY_PATH}
 *   <li>the cache that the build fills
 *   <li>the torch package of {@code python3}
 * </ol>
 *
 * <p>A folder may be that of the libraries or the one around it.
 */
final class Libtorch {
  static final String BUILD_PROPERTIES = "oft-build.properties";

  private static final String PROPERTY = "oft4j.libtorch";
  private static final String VARIABLE = "LIBTORCH";
  private static final String FILE_NAME = System.mapLibraryName("torch");
  private static final int PYTHON_SECONDS = 10;

  private Libtorch() {}

  /**
   * Loads libtorch, then liboft.
   *
   * @param liboft an absolute path
   * @param place how the report calls it
   */
  static boolean loadWith(Path liboft, String place, SearchReport report) {
    Setting setting = Setting.find(PROPERTY, VARIABLE);
    if (setting != null) {
      Path folder = Path.of(setting.value()).toAbsolutePath();
      return load(liboft, folder, place + " with " + setting, report);
    }
    Properties build = buildProperties(liboft);
    String builtWith = build.getProperty("libtorch");
    if (builtWith != null
        && load(liboft, Path.of(builtWith), place + " with the libtorch of its build", report)) {
      return true;
    }
    if (load(liboft, place + " alone", report)) {
      return true;
    }
    String version = build.getProperty("torch.version");
    if (version == null) {
      report.add(place, "no " + BUILD_PROPERTIES + " beside it tells which libtorch it needs");
      return false;
    }
    Path cached = UserCache.folder().resolve("libtorch-" + version + "-cpu").resolve("torch");
    if (load(liboft, cached, place + " with the cached libtorch", report)
        || loadWithPython(liboft, version, place, report)) {
      return true;
    }
    report.add(place, "it needs libtorch " + version);
    return false;
  }

  private static boolean loadWithPython(
      Path liboft, String version, String place, SearchReport report) {
    String python = place + " with the torch of python3";
    try {
      Path torch = pythonTorch();
      if (torch == null) {
        report.add(python, "it has none");
        return false;
      }
      // Of another version it would load, and then fail or worse.
      String found = Files.readString(torch.resolve("version.py"));
      if (!found.contains("'" + version + "'") && !found.contains("'" + version + "+")) {
        report.add(python, torch + " is not version " + version);
        return false;
      }
      return load(liboft, torch, python, report);
    } catch (IOException e) {
      report.add(python, e);
      return false;
    }
  }

  /** The folder of the package, which is not imported: that takes seconds. */
  private static Path pythonTorch() throws IOException {
    Process python =
        new ProcessBuilder(
                "python3",
                "-c",
                "import importlib.util as u; s = u.find_spec('torch');"
                    + " print(s.submodule_search_locations[0] if s else '')")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (var output = python.inputReader()) {
      python.getOutputStream().close();
      if (!python.waitFor(PYTHON_SECONDS, TimeUnit.SECONDS)) {
        throw new IOException("python3 did not answer within " + PYTHON_SECONDS + " s");
      }
      String line = output.readLine();
      return line == null || line.isEmpty() ? null : Path.of(line);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      python.destroyForcibly();
    }
  }

  private static Properties buildProperties(Path liboft) {
    var properties = new Properties();
    Path file = liboft.resolveSibling(BUILD_PROPERTIES);
    if (Files.exists(file)) {
      try (Reader reader = Files.newBufferedReader(file)) {
        properties.load(reader);
      } catch (IOException | IllegalArgumentException e) {
        properties.clear(); // as if it were not there; the report names what is missing then
      }
    }
    return properties;
  }

  /** Its own dependencies libtorch finds in its folder, which is its run path. */
  private static boolean load(Path liboft, Path folder, String place, SearchReport report) {
    Path libtorch = folder.resolve(FILE_NAME);
    if (!Files.exists(libtorch)) {
      libtorch = folder.resolve("lib").resolve(FILE_NAME);
    }
    if (!Files.exists(libtorch)) {
      report.add(place, "no " + FILE_NAME + " in " + folder + " or its folder lib");
      return false;
    }
    try {
      System.load(libtorch.toString());
    } catch (UnsatisfiedLinkError e) {
      report.add(place, e);
      return false;
    }
    return load(liboft, place, report);
  }

  private static boolean load(Path liboft, String place, SearchReport report) {
    try {
      System.load(liboft.toString());
      return true;
    } catch (UnsatisfiedLinkError e) {
      report.add(place, e);
      return false;
    }
  }
}
