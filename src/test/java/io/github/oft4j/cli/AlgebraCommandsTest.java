package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code oft blend}, {@code oft extract} and {@code oft convert}. */
class AlgebraCommandsTest {
  private static final Path BASE = Path.of("examples/digits/base");
  private static final Path ADAPTER = Path.of("examples/digits/adapter");

  @TempDir Path folder;

  @Test
  void blendTellsWhatItMade() {
    Path target = folder.resolve("half");
    CliRun run = CliRun.of("blend", ADAPTER + ":0.5", target).expect(ExitCode.DONE);
    assertEquals("", run.err());
    assertTrue(run.out().startsWith("Blended by the rule 'group'"), run.out());
    assertTrue(run.out().contains("adapter        " + ADAPTER + " × 0.5"), run.out());
    assertTrue(run.out().contains("written        " + target), run.out());
    JsonNode check = CliRun.of("check", BASE, target, "--json").expect(ExitCode.DONE).json();
    assertEquals(2, check.path("layers").size());
  }

  @Test
  void blendsByOrthoMergeAsADocument() {
    JsonNode report =
        CliRun.of(
                "blend",
                ADAPTER,
                ADAPTER + ":2",
                folder.resolve("b"),
                "--rule",
                "ortho-merge",
                "--json")
            .expect(ExitCode.DONE)
            .json();
    assertEquals("ortho_merge", report.path("rule").asText());
    assertEquals(2, report.at("/layers/0/adapters").asInt());
    assertTrue(report.at("/files/0").asText().startsWith(folder.resolve("b").toString()));
  }

  @Test
  void aPathWithAColonThatExistsIsAPath() throws IOException {
    Path odd = folder.resolve("odd:2");
    CliRun.of("blend", ADAPTER, odd).expect(ExitCode.DONE);
    CliRun run = CliRun.of("blend", odd, folder.resolve("same")).expect(ExitCode.DONE);
    assertTrue(run.out().contains(odd + " × 1.0"), run.out());
  }

  @Test
  void extractFindsWhatWasMerged() {
    Path tuned = folder.resolve("tuned");
    Path found = folder.resolve("found");
    CliRun.of("merge", BASE, ADAPTER, tuned).expect(ExitCode.DONE);
    CliRun run =
        CliRun.of("extract", BASE, tuned, found, "--oft_block_size", 32).expect(ExitCode.DONE);
    assertTrue(run.out().contains("100.000 %"), run.out());
    JsonNode json =
        CliRun.of("extract", BASE, tuned, found, "--oft_block_size", 32, "--json", "--force")
            .expect(ExitCode.DONE)
            .json();
    assertTrue(json.path("explained").asDouble() > 0.999999);
    assertEquals(2, json.path("layers").size());
  }

  @Test
  void extractIsHonestAboutBlocksThatAreTooSmall() {
    Path tuned = folder.resolve("tuned");
    CliRun.of("merge", BASE, ADAPTER, tuned).expect(ExitCode.DONE);
    JsonNode json =
        CliRun.of("extract", BASE, tuned, folder.resolve("x"), "--oft_block_size", 4, "--json")
            .expect(ExitCode.DONE)
            .json();
    double explained = json.path("explained").asDouble();
    assertTrue(explained > 0 && explained < 0.9, json.toString());
  }

  @Test
  void convertTellsHowFarTheResultIs() {
    Path target = folder.resolve("lora");
    CliRun run =
        CliRun.of("convert", ADAPTER, target, "--to", "lora", "--base", BASE, "--rank", 8)
            .expect(ExitCode.DONE);
    assertTrue(run.out().startsWith("Converted " + ADAPTER + " (PEFT 0.21.0) to lora"), run.out());
    assertTrue(run.out().contains("% of the change"), run.out());
    assertTrue(Files.exists(target.resolve("adapter_model.safetensors")));
  }

  @Test
  void convertToTheSameFormatIsExact() {
    CliRun run =
        CliRun.of("convert", ADAPTER, folder.resolve("same"), "--to", "peft").expect(ExitCode.DONE);
    assertTrue(run.out().contains("the same, to rounding"), run.out());
  }

  @Test
  void refusalsNameTheReasonAndLeaveNothing() throws IOException {
    Path target = folder.resolve("out.safetensors");
    String failure =
        CliRun.of("convert", ADAPTER, target, "--to", "lycoris")
            .expect(ExitCode.BAD_INPUT)
            .failure("oft convert");
    assertTrue(failure.contains("input"), failure);
    assertFalse(Files.exists(target));

    Path occupied = Files.createDirectory(folder.resolve("occupied"));
    Files.writeString(occupied.resolve("note"), "precious");
    for (String[] words :
        new String[][] {
          {"blend", ADAPTER.toString(), occupied.toString()},
          {"convert", ADAPTER.toString(), occupied.toString(), "--to", "peft"},
          {"extract", BASE.toString(), BASE.toString(), occupied.toString()}
        }) {
      String text =
          CliRun.of((Object[]) words).expect(ExitCode.BAD_INPUT).failure("oft " + words[0]);
      assertTrue(text.contains("exists already"), text);
    }
    assertEquals("precious", Files.readString(occupied.resolve("note")));
  }
}
