package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.internal.ffm.OftC;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the native library is found, and what is said where it is not. */
class NativeLibraryTest {
  private static final Path LIBRARY = Path.of(System.getProperty("oft4j.library"));
  private static final String NATIVE_ACCESS = "--enable-native-access=ALL-UNNAMED";

  @TempDir Path temp;

  /** Prints what the library says of itself, or the message of the exception. */
  static final class LoadTwice {
    public static void main(String[] args) {
      String first = load();
      String second = load();
      System.out.println(first.equals(second) ? first : first + " THEN " + second);
    }

    private static String load() {
      try {
        return "loaded " + OFT.version();
      } catch (OFTLibraryException e) {
        return "OFTLibraryException: " + e.getMessage();
      }
    }
  }

  private ChildJvm child() {
    return new ChildJvm()
        .option(NATIVE_ACCESS)
        .variable("XDG_CACHE_HOME", temp.resolve("cache").toString());
  }

  private static void assertOutput(ChildJvm child, String... parts) throws IOException {
    var result = child.run(LoadTwice.class);
    assertEquals(0, result.exitCode(), result.output());
    for (String part : parts) {
      assertTrue(result.output().contains(part), part + " is missing in: " + result.output());
    }
  }

  @Test
  void thePropertyNamesTheFile() throws IOException {
    assertOutput(child().option("-Doft4j.library=" + LIBRARY), "loaded " + OFT.version());
  }

  @Test
  void theEnvironmentNamesTheFile() throws IOException {
    assertOutput(child().variable("OFT4J_LIBRARY", LIBRARY.toString()), "loaded");
  }

  @Test
  void thePropertyWinsOverTheEnvironment() throws IOException {
    assertOutput(
        child()
            .option("-Doft4j.library=" + LIBRARY)
            .variable("OFT4J_LIBRARY", temp.resolve("missing").toString()),
        "loaded");
  }

  @Test
  void theLibraryPathIsSearched() throws IOException {
    assertOutput(
        child().option("-Djava.library.path=" + temp + ":" + LIBRARY.getParent()), "loaded");
  }

  @Test
  void theClassifierJarIsExtractedOnce() throws IOException {
    Path jar = temp.resolve("oft4j-native.jar");
    writeJar(jar);
    assertOutput(child().classPath(jar), "loaded");
    Path extracted;
    try (var files = Files.walk(temp.resolve("cache"))) {
      extracted = files.filter(file -> file.endsWith("liboft.so")).findFirst().orElseThrow();
    }
    assertEquals(-1, Files.mismatch(LIBRARY, extracted));
    var time = Files.getLastModifiedTime(extracted);
    assertOutput(child().classPath(jar), "loaded");
    assertEquals(time, Files.getLastModifiedTime(extracted));

    Files.write(extracted, new byte[] {1, 2, 3});
    assertOutput(child().classPath(jar), "loaded");
    assertEquals(-1, Files.mismatch(LIBRARY, extracted));
    try (var files = Files.list(extracted.getParent())) {
      assertEquals(2, files.count(), "the library and oft-build.properties, no rest of a copy");
    }
  }

  private static void writeJar(Path jar) throws IOException {
    String arch = System.getProperty("os.arch").replace("amd64", "x86_64");
    String folder = "native/linux-" + arch.replace("aarch64", "aarch_64") + "/";
    try (OutputStream file = Files.newOutputStream(jar);
        var zip = new JarOutputStream(file)) {
      for (Path content : List.of(LIBRARY, LIBRARY.resolveSibling("oft-build.properties"))) {
        zip.putNextEntry(new ZipEntry(folder + content.getFileName()));
        Files.copy(content, zip);
        zip.closeEntry();
      }
    }
  }

  @Test
  void aFailureListsEveryPlaceInOrder() throws IOException {
    assertOutput(
        child().option("-Djava.library.path=" + temp),
        """
        OFTLibraryException: liboft could not be loaded:
          property oft4j.library, environment OFT4J_LIBRARY: not set
          classifier jar: no resource native/linux-\
        """,
        "  java.library.path: no usable liboft.so in " + temp,
        "set -Doft4j.library=FILE and -Doft4j.libtorch=FOLDER",
        "C ABI " + OftC.OFT_ABI_VERSION() + ", Java " + Runtime.version());
  }

  @Test
  void aMissingFileIsNotReplacedByAnother() throws IOException {
    Path missing = temp.resolve("liboft.so");
    assertOutput(
        child()
            .option("-Doft4j.library=" + missing)
            .option("-Djava.library.path=" + LIBRARY.getParent()),
        "property oft4j.library=" + missing + ": no such file");
  }

  @Test
  void aFileThatIsNoLibraryIsNamedWithTheReason() throws IOException {
    Path text = Files.writeString(temp.resolve("liboft.so"), "not an ELF file");
    assertOutput(
        child().option("-Doft4j.library=" + text).variable("PATH", temp.toString()),
        "property oft4j.library=" + text + " alone: " + text,
        "no oft-build.properties beside it tells which libtorch it needs");
  }

  @Test
  void aLibraryOfOtherPeopleIsNoLiboft() throws IOException {
    Path other = Path.of(System.getProperty("java.home"), "lib", "libnet.so");
    assertOutput(
        child().option("-Doft4j.library=" + other), "the library that was found is no liboft");
  }

  @Test
  void aFolderWithoutLibtorchIsNamed() throws IOException {
    assertOutput(
        child().option("-Doft4j.library=" + LIBRARY).option("-Doft4j.libtorch=" + temp),
        "with property oft4j.libtorch=" + temp + ": no libtorch.so in " + temp);
  }

  @Test
  void deniedNativeAccessNamesTheOption() throws IOException {
    String deny =
        Runtime.version().feature() >= 24
            ? "--illegal-native-access=deny"
            : "--enable-native-access=java.base";
    var child = new ChildJvm().option(deny).option("-Doft4j.library=" + LIBRARY);
    assertOutput(child, "start java with --enable-native-access=ALL-UNNAMED");
  }
}
