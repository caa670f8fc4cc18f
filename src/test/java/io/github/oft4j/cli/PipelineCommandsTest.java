package io.github.oft4j.cli;

import static io.github.oft4j.cli.MergeFixture.header;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands on a diffusers pipeline: words like {@code unet=ADAPTER}. */
class PipelineCommandsTest {
  @TempDir Path folder;
  private MergeFixture job;
  private Path pipeline;
  private Path target;

  @BeforeEach
  void writePipeline() throws IOException {
    job = new MergeFixture(folder);
    pipeline = Files.createDirectory(folder.resolve("pipeline"));
    target = folder.resolve("merged");
    Files.writeString(pipeline.resolve("model_index.json"), "{}");
    for (String component : List.of("text_encoder", "unet", "vae")) {
      Path weights = Files.createDirectory(pipeline.resolve(component));
      Files.copy(job.base, weights.resolve("model.safetensors"));
    }
  }

  @Test
  void mergesAndSaysWhatOfEachComponent() throws IOException {
    CliRun run =
        CliRun.of("merge", pipeline, "text_encoder=" + job.adapter, "unet=" + job.adapter, target)
            .expect(ExitCode.DONE);
    job.merge().expect(ExitCode.DONE);
    assertLine(run, "adapter        text_encoder=" + job.adapter + " (PEFT 0.21.0, exact Cayley)");
    assertLine(run, "text_encoder   1 Linear, blocks of 4");
    assertLine(run, "unet           1 Linear, blocks of 4");
    assertEquals(-1, Files.mismatch(job.target, target.resolve("unet/model.safetensors")));
    assertEquals(-1, Files.mismatch(job.target, target.resolve("text_encoder/model.safetensors")));
    assertEquals(-1, Files.mismatch(job.base, target.resolve("vae/model.safetensors")));
  }

  @Test
  void theReportNamesTheComponentOfEachLayer() {
    CliRun run =
        CliRun.of("merge", pipeline, "unet=" + job.adapter, target, "--json").expect(ExitCode.DONE);
    assertEquals("unet", run.json().at("/layers/0/component").asText());
    assertEquals("fc", run.json().at("/layers/0/name").asText());
  }

  @Test
  void aPathThatExistsIsNoComponent() throws IOException {
    Path odd = Files.move(job.adapter, folder.resolve("unet=adapter"));
    CliRun.of("merge", job.base, odd, job.target).expect(ExitCode.DONE);
    CliRun.of("merge", pipeline, "unet=" + odd, target).expect(ExitCode.DONE);
  }

  @Test
  void badWordsAreOneLine() throws IOException {
    var before = job.snapshot();
    fails(ExitCode.BAD_INPUT, "no component 'unett'", "unett=" + job.adapter, target);
    fails(ExitCode.BAD_INPUT, "'text_encoder', 'unet', 'vae'", "unett=" + job.adapter, target);
    fails(ExitCode.BAD_INPUT, "'text_encoder', 'unet', 'vae'", job.adapter, target);
    fails(ExitCode.BAD_INPUT, "none: no such file or folder", "unet=" + folder + "/none", target);
    fails(ExitCode.USAGE, "'unet=' is no path", "unet=", target);
    fails(ExitCode.USAGE, "'=a' is no path", "=a", target);
    fails(ExitCode.USAGE, "is given twice", "vae=" + job.adapter, "vae=" + job.adapter, target);
    fails(ExitCode.USAGE, "missing OUT", "vae=" + job.adapter, "unet=" + job.adapter);
    assertEquals(before, job.snapshot());
  }

  @Test
  void checksOneComponent() {
    CliRun run = CliRun.of("check", pipeline, "unet=" + job.adapter).expect(ExitCode.DONE);
    assertTrue(run.out().contains("OK: 1 layer"), run.out());
    String failure =
        CliRun.of("check", pipeline, "unett=" + job.adapter)
            .expect(ExitCode.BAD_INPUT)
            .failure("oft check");
    assertTrue(failure.contains("components with weights are 'text_encoder', 'unet'"), failure);
    failure =
        CliRun.of("check", job.base, "unet=" + job.adapter)
            .expect(ExitCode.BAD_INPUT)
            .failure("oft check");
    assertTrue(failure.contains("is no diffusers pipeline"), failure);
  }

  @Test
  void infoListsTheComponents() {
    CliRun run = CliRun.of("info", pipeline).expect(ExitCode.DONE);
    assertEquals(
        """
        %s: diffusers pipeline
          text_encoder   64 (256 B); 1 Linear
          unet           64 (256 B); 1 Linear
          vae            64 (256 B); 1 Linear
        """
            .formatted(pipeline),
        run.out());
  }

  @Test
  void aFailureInOneComponentLeavesNothing() throws IOException {
    Path weights = pipeline.resolve("unet/model.safetensors");
    Files.write(
        weights,
        MergeFixture.safetensors(header("fc.weight", "F32", 64, 1), MergeFixture.floats(64)));
    var before = job.snapshot();
    fails(
        ExitCode.BAD_INPUT,
        "component 'unet': ",
        "text_encoder=" + job.adapter,
        "unet=" + job.adapter,
        target);
    assertEquals(before, job.snapshot());
  }

  private void fails(ExitCode exit, String message, Object... words) {
    Object[] all = new Object[words.length + 2];
    all[0] = "merge";
    all[1] = pipeline;
    System.arraycopy(words, 0, all, 2, words.length);
    String failure = CliRun.of(all).expect(exit).failure("oft merge");
    assertTrue(failure.contains(message), failure);
    assertFalse(Files.exists(target));
  }

  private static void assertLine(CliRun run, String start) {
    assertTrue(run.out().lines().anyMatch(line -> line.startsWith("  " + start)), run.out());
  }
}
