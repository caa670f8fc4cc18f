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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
  void writesAPage() throws Exception {
    Path page = folder.resolve("check.html");
    CliRun run = CliRun.of("check", BASE, ADAPTER, "--html", page).expect(ExitCode.DONE);
    assertTrue(run.out().contains("  written        " + page + "\nOK: 2 layers fit"), run.out());
    var document = new PageDocument(Files.readString(page));
    assertEquals(List.of("fc1", "fc2"), document.texts("//table[@id='layers']/tbody//th"));
    assertEquals(
        List.of(ADAPTER.toString(), BASE.toString(), "PEFT 0.21.0"),
        document.texts("//dl[@class='facts']//dd"));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(page), files.toList());
    }
  }

  @Test
  void pageAndPictureComeWithAFailedCheckAndWithJson() throws Exception {
    Path page = folder.resolve("check.html");
    Path plot = folder.resolve("check.svg");
    CliRun run =
        CliRun.of(
                "check",
                BASE,
                ADAPTER,
                "--max-orthogonality-error",
                "0",
                "--json",
                "--html",
                page,
                "--plot",
                plot)
            .expect(ExitCode.CHECK_FAILED);
    assertEquals(2, run.json().path("problems").size());
    assertEquals("", run.err());
    assertTrue(Files.size(plot) > 0);
    var document = new PageDocument(Files.readString(page));
    assertEquals("FAILED: 2 problems", document.text("//p[@class='verdict bad']"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--plot", "--html"})
  void whatCannotBeWrittenIsAnIoFailure(String option) throws IOException {
    Path lost = folder.resolve("none/check");
    CliRun run = CliRun.of("check", BASE, ADAPTER, option, lost).expect(ExitCode.IO);
    assertEquals("cannot write " + lost + ": no such file or folder", run.failure("oft check"));
    Path file = Files.writeString(folder.resolve("file"), "");
    CliRun.of("check", BASE, ADAPTER, option, file.resolve("x")).expect(ExitCode.IO);
    CliRun.of("check", BASE, ADAPTER, option, folder).expect(ExitCode.IO);
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void noPageIsWrittenOfWhatCannotBeChecked() throws IOException {
    Path page = folder.resolve("check.html");
    CliRun.of("check", BASE, folder.resolve("none"), "--html", page).expect(ExitCode.BAD_INPUT);
    assertFalse(Files.exists(page));
  }
}
