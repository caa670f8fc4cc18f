package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InfoCommandTest {
  private static final Path DIGITS = Path.of("examples/digits");

  @TempDir Path folder;

  @Test
  void describesAnAdapter() {
    CliRun run = CliRun.of("info", DIGITS.resolve("adapter")).expect(ExitCode.DONE);
    assertEquals(
        """
        examples/digits/adapter: adapter
          written by     PEFT 0.21.0
          rotation       exact Cayley
          targets        fc1, fc2
          parameters     4,960 (19.8 KB)

          layer  block  blocks    dtype
          fc1       32       2  float32
          fc2       32       8  float32
        """,
        run.out());
  }

  @Test
  void describesAFileOfAnotherMaker() {
    Path file = Path.of("native/tests/data/foreign/kohya-flux.safetensors");
    CliRun run = CliRun.of("info", file).expect(ExitCode.DONE);
    assertEquals(
        """
        native/tests/data/foreign/kohya-flux.safetensors: adapter
          written by     kohya sd-scripts
          rotation       exact Cayley
          turns          outputs
          components     transformer
          targets        double_blocks_0_img_attn_qkv, double_blocks_0_img_mlp_0, single_blocks_0_linear1
          parameters     48 (192 B)

          layer                                              block  blocks    dtype
          double_blocks_0_img_attn_qkv (first of 3 factors)      2       4  float32
          double_blocks_0_img_mlp_0                              3       4  float32
          single_blocks_0_linear1 (first of 4 factors)           2       4  float32
        """,
        run.out());
  }

  @Test
  void describesACheckpoint() {
    CliRun run = CliRun.of("info", DIGITS.resolve("base")).expect(ExitCode.DONE);
    assertEquals(
        """
        examples/digits/base: checkpoint
          files          model.safetensors
          parameters     85,002 (340.0 KB)
          tensors        6 F32
          layers         3 Linear

          tensor       dtype    shape
          fc1.bias     F32        256
          fc1.weight   F32     256×64
          fc2.bias     F32        256
          fc2.weight   F32    256×256
          head.bias    F32         10
          head.weight  F32     10×256
        """,
        run.out());
  }

  @Test
  void listsTheFirstTwentyUnlessToldToListAll() throws IOException {
    Path many = folder.resolve("many.safetensors");
    String header =
        IntStream.range(0, 23)
            .mapToObj(
                i ->
                    "\"t%02d\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [%d, %d]}"
                        .formatted(i, 4 * i, 4 * i + 4))
            .collect(Collectors.joining(", ", "{", "}"));
    Files.write(many, MergeFixture.safetensors(header, MergeFixture.floats(23)));
    String first = CliRun.of("info", many).out();
    assertTrue(first.contains("t19") && !first.contains("t20"), first);
    assertTrue(first.endsWith("  … and 3 more tensors (--all lists them)\n"), first);
    String all = CliRun.of("info", many, "--all").out();
    assertTrue(all.contains("t22") && !all.contains("--all"), all);
  }

  @Test
  void printsOneJsonDocument() {
    CliRun run = CliRun.of("info", DIGITS.resolve("adapter"), "--json").expect(ExitCode.DONE);
    assertEquals("adapter", run.json().path("type").asText());
    assertEquals(2, run.json().path("layers").size());
  }

  @Test
  void whatIsNoneOfTheseIsBadInput() throws IOException {
    Path file = Files.writeString(folder.resolve("letter.txt"), "Dear reader");
    String failure = CliRun.of("info", file).expect(ExitCode.BAD_INPUT).failure("oft info");
    assertTrue(failure.contains("letter.txt"), failure);
    CliRun.of("info", folder.resolve("nowhere")).expect(ExitCode.BAD_INPUT);
  }

  @Test
  void versionTellsWhatRuns() {
    CliRun version = CliRun.of("version").expect(ExitCode.DONE);
    assertTrue(version.out().startsWith("oft "), version.out());
    assertTrue(version.out().contains("\n  torch "), version.out());
    assertEquals(version.out(), CliRun.of("--version").expect(ExitCode.DONE).out());
    assertTrue(CliRun.of("version", "--json").json().has("torch"));
  }
}
