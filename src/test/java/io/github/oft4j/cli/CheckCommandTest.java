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

class CheckCommandTest {
  private static final Path BASE = Path.of("examples/digits/base");
  private static final Path ADAPTER = Path.of("examples/digits/adapter");

  @TempDir Path folder;

  @Test
  void tabulatesTheLayersAndEndsWithAVerdict() {
    CliRun run = CliRun.of("check", BASE, ADAPTER).expect(ExitCode.DONE);
    List<String> lines = run.out().lines().toList();
    assertEquals("Adapter by PEFT 0.21.0", lines.getFirst());
    assertTrue(
        lines
            .get(2)
            .matches(
                "  layer  kind +shape  block +‖RᵀR−I‖  largest angle +mean  energy before +after"));
    assertTrue(lines.stream().anyMatch(line -> line.startsWith("  fc1    Linear   256×64     32")));
    assertTrue(lines.getLast().startsWith("OK: 2 layers fit, worst ‖RᵀR−I‖ "), run.out());
    assertEquals("", run.err());
  }

  @Test
  void whatIsBeyondTheLimitIsAProblem() {
    CliRun run =
        CliRun.of("check", BASE, ADAPTER, "--max-orthogonality-error", "0")
            .expect(ExitCode.CHECK_FAILED);
    assertTrue(run.out().endsWith("FAILED: 2 problems\n"), run.out());
    assertEquals(2, run.out().lines().filter(line -> line.startsWith("  problem")).count());
  }

  @Test
  void anAdapterForAnotherModelFailsTheCheck() throws IOException {
    var job = new MergeFixture(folder);
    CliRun run = CliRun.of("check", BASE, job.adapter, "--json").expect(ExitCode.CHECK_FAILED);
    assertEquals("fc", run.json().at("/missing/0").asText());
    assertFalse(run.json().path("problems").isEmpty());
    assertEquals("", run.err());
  }

  @Test
  void drawsAPicture() throws IOException {
    Path plot = folder.resolve("check.svg");
    CliRun.of("check", BASE, ADAPTER, "--plot", plot).expect(ExitCode.DONE);
    String svg = Files.readString(plot);
    assertTrue(svg.contains(">fc1<") && svg.contains(">fc2<"), svg);
    try (var files = Files.list(folder)) {
      assertEquals(List.of(plot), files.toList());
    }
  }

  @Test
  void aPictureThatCannotBeWrittenIsAnIoFailure() throws IOException {
    Path plot = folder.resolve("none/check.svg");
    CliRun run = CliRun.of("check", BASE, ADAPTER, "--plot", plot).expect(ExitCode.IO);
    assertEquals("cannot write " + plot + ": no such file or folder", run.failure("oft check"));
    Path file = Files.writeString(folder.resolve("file"), "");
    CliRun.of("check", BASE, ADAPTER, "--plot", file.resolve("x.svg")).expect(ExitCode.IO);
  }
}
