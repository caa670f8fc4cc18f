package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The bindings are those of the headers: each file records their common hash. Where the
 * environment's {@code OFT4J_JEXTRACT} names the program jextract, they are generated again and
 * compared.
 */
class BindingsInSyncTest {
  /** The repository, which is around {@code native/tests/data}. */
  private static final Path ROOT = TestData.ROOT.toAbsolutePath().resolve("../../..").normalize();

  private static final Path BINDINGS = ROOT.resolve("src/main/java/io/github/oft4j/internal/ffm");
  private static final Pattern FIRST_LINE =
      Pattern.compile("// (\\S+) sha256:([0-9a-f]{64}), openjdk/jextract [0-9a-f]{40}");

  @Test
  void everyFileRecordsTheHashOfTheHeaders() throws IOException, NoSuchAlgorithmException {
    List<Path> files = filesIn(BINDINGS);
    assertFalse(files.isEmpty());
    for (Path file : files) {
      String first = Files.readAllLines(file).getFirst();
      var line = FIRST_LINE.matcher(first);
      assertTrue(line.matches(), file + ": " + first);
      assertEquals(
          hash(ROOT.resolve(line.group(1))),
          line.group(2),
          file + " is older than the headers: run src/main/jextract/generate.sh");
    }
    String jextract = System.getenv("OFT4J_JEXTRACT");
    if (jextract != null) {
      assertGeneratedAnew(jextract);
    }
  }

  /** Of the umbrella and the headers in the folder of its name, one after another. */
  private static String hash(Path umbrella) throws IOException, NoSuchAlgorithmException {
    var digest = MessageDigest.getInstance("SHA-256");
    digest.update(Files.readAllBytes(umbrella));
    String name = umbrella.getFileName().toString();
    List<Path> headers = filesIn(umbrella.resolveSibling(name.substring(0, name.length() - 2)));
    assertFalse(headers.isEmpty());
    for (Path header : headers) {
      digest.update(Files.readAllBytes(header));
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static List<Path> filesIn(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static void assertGeneratedAnew(String jextract) throws IOException {
    var script = ROOT.resolve("src/main/jextract/generate.sh").toString();
    var process =
        new ProcessBuilder("bash", script, jextract, "--check").redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.onExit().join().exitValue(), output);
  }
}
