package io.github.oft4j.internal;

import io.github.oft4j.OFTLibraryException;
import io.github.oft4j.internal.ffm.OftC;
import java.io.File;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads {@code liboft}, once, when first needed or before that. Places, in this order:
 *
 * <ol>
 *   <li>the file that the system property {@code oft4j.library} names, else the environment's
 *       {@code OFT4J_LIBRARY}; where one is set, nothing else is tried
 *   <li>the classifier jar, see {@link BundledLibrary}
 *   <li>the folders of {@code java.library.path}
 * </ol>
 *
 * <p>{@link Libtorch} tells where libtorch comes from. Nothing is downloaded.
 */
public final class NativeLibrary {
  static final String FILE_NAME = System.mapLibraryName("oft");

  private static final String PROPERTY = "oft4j.library";
  private static final String VARIABLE = "OFT4J_LIBRARY";

  private NativeLibrary() {}

  /** Initialised once by the JVM; a failed search is remembered, not repeated. */
  private static final class Holder {
    static final OFTLibraryException FAILURE = load();
  }

  /**
   * Loads the library where that has not happened yet.
   *
   * @throws OFTLibraryException with every place tried
   */
  static void ensureLoaded() {
    OFTLibraryException failure = failure();
    if (failure != null) {
      throw new OFTLibraryException(failure.getMessage(), failure);
    }
  }

  /**
   * Begins to load the library; a failure is told to the first who needs it.
   *
   * @return the thread; where the process exits before it ends, libtorch may crash
   */
  public static Thread loadInBackground() {
    return Thread.ofPlatform().name("oft-library").daemon().start(NativeLibrary::failure);
  }

  /**
   * Ends the process by the system's {@code _exit}, for {@code Runtime.halt} runs destructors, too.
   *
   * @param status the exit code
   */
  public static void endProcess(int status) {
    var linker = Linker.nativeLinker();
    linker
        .defaultLookup()
        .find("_exit")
        .ifPresent(
            address -> {
              try {
                linker
                    .downcallHandle(address, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
                    .invokeExact(status);
              } catch (Throwable e) {
                throw new IllegalStateException(e);
              }
            });
  }

  private static OFTLibraryException failure() {
    return Holder.FAILURE;
  }

  private static OFTLibraryException load() {
    var report = new SearchReport();
    try {
      if (!find(report)) {
        return report.exception();
      }
      checkVersion(OftC.oft_abi_version());
      return null;
    } catch (OFTLibraryException e) {
      return e;
    } catch (IllegalCallerException e) {
      return accessDenied(e);
    } catch (UnsatisfiedLinkError e) {
      return report.exception(
          "the library that was found is no liboft: " + e.getMessage() + ":", e);
    } catch (ExceptionInInitializerError e) {
      // Java 22 and 23 let System.load pass.
      if (e.getCause() instanceof IllegalCallerException denied) {
        return accessDenied(denied);
      }
      return report.exception("liboft could not be loaded:", e.getCause());
    } catch (RuntimeException e) {
      return report.exception("liboft could not be loaded: " + e, e);
    }
  }

  private static boolean find(SearchReport report) {
    Setting setting = Setting.find(PROPERTY, VARIABLE);
    if (setting != null) {
      Path file = Path.of(setting.value()).toAbsolutePath();
      if (!Files.isRegularFile(file)) {
        report.add(setting.toString(), "no such file");
        return false;
      }
      return Libtorch.loadWith(file, setting.toString(), report);
    }
    report.add("property " + PROPERTY + ", environment " + VARIABLE, "not set");
    Path bundled = BundledLibrary.find(report);
    if (bundled != null && Libtorch.loadWith(bundled, bundled.toString(), report)) {
      return true;
    }
    return findOnLibraryPath(report);
  }

  private static boolean findOnLibraryPath(SearchReport report) {
    String path = System.getProperty("java.library.path", "");
    for (String folder : path.split(File.pathSeparator)) {
      Path file = Path.of(folder, FILE_NAME).toAbsolutePath();
      if (!folder.isEmpty()
          && Files.isRegularFile(file)
          && Libtorch.loadWith(file, file.toString(), report)) {
        return true;
      }
    }
    report.add("java.library.path", "no usable " + FILE_NAME + " in " + path);
    return false;
  }

  static void checkVersion(int found) {
    int wanted = OftC.OFT_ABI_VERSION();
    if (found != wanted) {
      throw new OFTLibraryException(
          "liboft has the C ABI version "
              + found
              + ", these classes are made for version "
              + wanted
              + ": use liboft and oft4j of one release",
          null);
    }
  }

  private static OFTLibraryException accessDenied(IllegalCallerException e) {
    Module module = NativeLibrary.class.getModule();
    return new OFTLibraryException(
        "this JVM denies native access: start java with --enable-native-access="
            + (module.isNamed() ? module.getName() : "ALL-UNNAMED"),
        e);
  }
}
