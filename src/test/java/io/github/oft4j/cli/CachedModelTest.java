package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models by their names in the cache of huggingface_hub, which an environment variable places. */
class CachedModelTest {
  private static final Path DIGITS = Path.of("examples/digits").toAbsolutePath();
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @TempDir Path folder;
  @TempDir Path hub;
  @TempDir Path work;

  @Test
  void mergesByName() throws Exception {
    addModel("models--org--digits", "base");
    addModel("models--me--oft", "adapter");
    Path target = work.resolve("merged");
    CliRun run = run("merge", "org/digits", "me/oft@" + COMMIT.substring(0, 7), target);
    run.expect(ExitCode.DONE);
    assertTrue(run.out().startsWith("Merged into org/digits\n"), run.out());
    Path expected = work.resolve("expected");
    CliRun.of("merge", DIGITS.resolve("base"), DIGITS.resolve("adapter"), expected)
        .expect(ExitCode.DONE);
    for (String file : List.of("model.safetensors", "config.json")) {
      assertEquals(-1, Files.mismatch(expected.resolve(file), target.resolve(file)), file);
      assertFalse(Files.isSymbolicLink(target.resolve(file)), file);
    }
  }

  @Test
  void infoTellsWhereAModelLies() throws Exception {
    Path snapshot = addModel("models--org--digits", "base");
    CliRun run = run("info", "org/digits").expect(ExitCode.DONE);
    assertTrue(run.out().startsWith(snapshot + ": checkpoint\n"), run.out());
  }

  @Test
  void aNameThatIsNowhereIsToldBothWays() throws Exception {
    String failure =
        run("merge", "org/digts", DIGITS.resolve("adapter"), work.resolve("merged"))
            .expect(ExitCode.BAD_INPUT)
            .failure("oft merge");
    for (String part :
        List.of(
            "org/digts: no such file or folder, and no model 'org/digts'",
            hub.toString(),
            "nothing is downloaded here; `hf download org/digts` fetches it")) {
      assertTrue(failure.contains(part), failure);
    }
    try (var files = Files.list(work)) {
      assertEquals(List.of(), files.toList());
    }
  }

  private CliRun run(Object... words) throws IOException, InterruptedException {
    return new CliProcess(folder, "export HF_HUB_CACHE='" + hub + "'", words).await();
  }

  /** Files of an example as links to blobs. */
  private Path addModel(String name, String example) throws IOException {
    Path model = hub.resolve(name);
    Path snapshot = Files.createDirectories(model.resolve("snapshots").resolve(COMMIT));
    Path blobs = Files.createDirectory(model.resolve("blobs"));
    Path references = Files.createDirectory(model.resolve("refs"));
    Files.writeString(references.resolve("main"), COMMIT);
    try (var files = Files.list(DIGITS.resolve(example))) {
      for (Path file : files.toList()) {
        Path blob = Files.copy(file, blobs.resolve("blob-of-" + file.getFileName()));
        Files.createSymbolicLink(snapshot.resolve(file.getFileName()), snapshot.relativize(blob));
      }
    }
    return snapshot;
  }
}
