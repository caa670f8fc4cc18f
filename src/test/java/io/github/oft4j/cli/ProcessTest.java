package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What only a process of its own can show: limits, signals, locales. */
class ProcessTest {
  private static final Path BASE = Path.of("examples/digits/base").toAbsolutePath();
  private static final Path ADAPTER = Path.of("examples/digits/adapter").toAbsolutePath();

  @TempDir Path folder;
  @TempDir Path work;

  /** A limit on the size of files stands for a disk without room: it needs no privilege. */
  @ParameterizedTest
  @ValueSource(strings = {"model.safetensors", ""})
  void aFullDiskIsAnIoFailureAndLeavesNothing(String file) throws Exception {
    Path target = work.resolve(file.isEmpty() ? "merged" : "merged.safetensors");
    CliRun run =
        new CliProcess(folder, "ulimit -f 100", "merge", BASE.resolve(file), ADAPTER, target)
            .await();
    String failure = run.expect(ExitCode.IO).failure("oft merge");
    assertTrue(failure.contains("File too large"), failure);
    assertEquals(List.of(), filesInWork());
  }

  @Test
  void ctrlCLeavesAllOrNothing() throws Exception {
    var job = new MergeFixture(folder);
    job.enlargeBase();
    Path target = work.resolve("merged.safetensors");
    var process = new CliProcess(folder, ":", "merge", job.base, job.adapter, target);
    while (process.isAlive() && filesInWork().isEmpty()) {
      Thread.sleep(1);
    }
    process.interrupt();
    CliRun run = process.await();
    assertTrue(run.code() == 130 || run.code() == 0, run::toString);
    boolean cancelled = run.err().contains("cancelled");
    assertEquals(cancelled ? List.of() : List.of(target), filesInWork(), run::toString);
  }

  @Test
  void aQuickExitLosesNeitherOutputNorCode() throws Exception {
    String quick = "export JDK_JAVA_OPTIONS=-Doft4j.quick-exit=true";
    CliRun done = new CliProcess(folder, quick, "check", BASE, ADAPTER, "--json").await();
    assertEquals(0, done.code(), done::toString);
    assertTrue(Documents.parse(done.out()).path("layers").size() > 0, done.out());
    CliRun failed = new CliProcess(folder, quick, "check", BASE, work.resolve("none")).await();
    assertEquals(ExitCode.BAD_INPUT.code(), failed.code(), failed::toString);
    assertTrue(failed.err().contains("none"), failed.err());
  }

  /** Its exit would meet libtorch's half-made objects. */
  @Test
  void aUsageErrorWaitsForTheLibraryThatIsBeingLoaded() throws Exception {
    assertEquals(2, new CliProcess(folder, ":", "merge").await().code());
  }

  @Test
  void textIsUtf8InAnyLocale() throws Exception {
    CliRun run = new CliProcess(folder, "export LC_ALL=C", "check", BASE, ADAPTER).await();
    assertTrue(run.expect(ExitCode.DONE).out().contains("‖RᵀR−I‖"), run.out());
  }

  @Test
  void aMachineWithoutFontsIsTold() throws Exception {
    Path noFonts = Files.writeString(folder.resolve("fonts.conf"), "<fontconfig></fontconfig>");
    Path plot = work.resolve("check.svg");
    CliRun run =
        new CliProcess(
                folder,
                "export FONTCONFIG_FILE='" + noFonts + "'",
                "check",
                BASE,
                ADAPTER,
                "--plot",
                plot)
            .await();
    String failure = run.expect(ExitCode.INTERNAL).failure("oft check");
    assertTrue(failure.contains("install fontconfig"), failure);
    assertEquals(List.of(), filesInWork());
  }

  private List<Path> filesInWork() throws IOException {
    try (var files = Files.list(work)) {
      return files.toList();
    }
  }
}
