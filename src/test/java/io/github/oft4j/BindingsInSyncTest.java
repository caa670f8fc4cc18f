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
 * The bindings are those of the header: each file records the header's hash. Where the
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
  void everyFileRecordsTheHashOfTheHeader() throws IOException, NoSuchAlgorithmException {
    List<Path> files;
    try (var folder = Files.list(BINDINGS)) {
      files = folder.toList();
    }
    assertFalse(files.isEmpty());
    for (Path file : files) {
      String first = Files.readAllLines(file).getFirst();
      var line = FIRST_LINE.matcher(first);
      assertTrue(line.matches(), file + ": " + first);
      Path header = ROOT.resolve(line.group(1));
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(header));
      assertEquals(
          HexFormat.of().formatHex(hash),
          line.group(2),
          file + " is older than " + header + ": run src/main/jextract/generate.sh");
    }
    String jextract = System.getenv("OFT4J_JEXTRACT");
    if (jextract != null) {
      assertGeneratedAnew(jextract);
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
