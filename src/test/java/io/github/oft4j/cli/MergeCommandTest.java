package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MergeCommandTest {
  private static final Path DIGITS = Path.of("examples/digits");
  private static final Path BASE = DIGITS.resolve("base");
  private static final Path ADAPTER = DIGITS.resolve("adapter");

  @TempDir Path folder;

  @Test
  void tellsWhatWasMerged() {
    Path target = folder.resolve("merged");
    CliRun run = CliRun.of("merge", BASE, ADAPTER, target, "--verify").expect(ExitCode.DONE);
    assertEquals("", run.err());
    assertLine(run, "Merged into " + BASE);
    assertLine(run, "adapter        " + ADAPTER + " (PEFT 0.21.0, exact Cayley)");
    assertLine(run, "layers         2 Linear, blocks of 32");
    assertTrue(
        run.out().matches("(?s).*worst ‖RᵀR−I‖ \\d\\.\\de-\\d\\d, largest angle \\d+\\.\\d\\d°.*"));
    assertLine(run, "verification   passed: 2 layers recomputed in float64, largest difference");
    assertLine(run, "written        " + target + " (340.1 KB in 1 file, ");
  }

  @Test
  void printsOneJsonDocument() {
    CliRun run =
        CliRun.of("merge", BASE, ADAPTER, folder.resolve("merged"), "--verify", "--json")
            .expect(ExitCode.DONE);
    assertEquals("", run.err());
    JsonNode report = run.json();
    assertEquals("fc1", report.at("/layers/0/name").asText());
    assertEquals(32, report.at("/layers/0/block_size").asInt());
    assertTrue(report.at("/layers/0/orthogonality_error").asDouble() < 1e-5);
    assertTrue(report.at("/layers/0/largest_angle").asDouble() > 0);
    assertTrue(report.path("verified").asBoolean());
    assertTrue(report.path("bytes_written").asLong() > 0);
    assertTrue(report.path("seconds").asDouble() > 0);
  }

  @Test
  void carriesTheOtherFilesAlong() throws IOException {
    Path target = folder.resolve("merged");
    CliRun.of("merge", BASE, ADAPTER, target).expect(ExitCode.DONE);
    assertArrayEquals(
        Files.readAllBytes(BASE.resolve("config.json")),
        Files.readAllBytes(target.resolve("config.json")));
  }

  @Test
  void mergesSeveralAdaptersInTheirOrder() throws IOException {
    var job = new MergeFixture(folder);
    Path both = folder.resolve("both.safetensors");
    Path once = folder.resolve("once.safetensors");
    Path twice = folder.resolve("twice.safetensors");
    CliRun run = CliRun.of("merge", job.base, job.adapter, job.adapter, both).expect(ExitCode.DONE);
    assertEquals(2, run.out().lines().filter(line -> line.startsWith("  adapter")).count());
    CliRun.of("merge", job.base, job.adapter, once).expect(ExitCode.DONE);
    CliRun.of("merge", once, job.adapter, twice).expect(ExitCode.DONE);
    float[] expected = weight(twice);
    float[] merged = weight(both);
    assertEquals(expected.length, merged.length);
    for (int i = 0; i < merged.length; i++) {
      assertEquals(expected[i], merged[i], 1e-6f);
    }
  }

  @ParameterizedTest
  @CsvSource({"float16, F16", "bfloat16, BF16", "float32, F32", "float64, F64"})
  void writesTheTypeAskedFor(String dtype, String stored) throws IOException {
    var job = new MergeFixture(folder);
    job.merge("--dtype", dtype).expect(ExitCode.DONE);
    JsonNode tensors = CliRun.of("info", job.target, "--json").json().path("tensor_list");
    assertEquals(stored, tensors.at("/0/dtype").asText());
  }

  @Test
  void cutsShardsOfTheSizeAskedFor() {
    Path target = folder.resolve("merged");
    CliRun.of("merge", BASE, ADAPTER, target, "--max-shard-size", "200KB").expect(ExitCode.DONE);
    assertTrue(Files.exists(target.resolve("model.safetensors.index.json")));
    assertTrue(Files.exists(target.resolve("model-00001-of-00003.safetensors")));
  }

  @Test
  void replacesAnExistingTargetOnlyByForce() throws IOException {
    var job = new MergeFixture(folder);
    Files.writeString(job.target, "precious");
    job.merge().expect(ExitCode.BAD_INPUT);
    assertEquals("precious", Files.readString(job.target));
    job.merge("--force").expect(ExitCode.DONE);
    assertEquals(64, weight(job.target).length);
  }

  @Test
  void forceGoesOnPastLayersWithoutWeightAndSaysSo() throws IOException {
    var job = new MergeFixture(folder);
    BadInputTest.addStrayTensor(job);
    CliRun run = job.merge("--force").expect(ExitCode.DONE);
    assertTrue(run.out().lines().anyMatch(l -> l.startsWith("  warning") && l.contains("stray")));
  }

  @Test
  void aFailedVerificationIsExitCode1AndWritesNothing() throws IOException {
    var job = new MergeFixture(folder);
    var weight = ByteBuffer.allocate(64 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 64; i++) {
      weight.putFloat(1e5f + i); // beyond float16
    }
    job.writeBase(MergeFixture.header("fc.weight", "F32", 8, 8), weight.array());
    var before = job.snapshot();
    CliRun run = job.merge("--verify", "--dtype", "float16").expect(ExitCode.CHECK_FAILED);
    assertLine(run, "verification   FAILED: a merged weight is not finite");
    assertLine(run, "written        nothing");
    assertEquals(before, job.snapshot());
  }

  @Test
  void cancelsWhenInterruptedAndLeavesNothing() throws IOException {
    var job = new MergeFixture(folder);
    job.enlargeBase();
    var before = job.snapshot();
    var interruption = new Interruption();
    interruption.request();
    var err = new ByteArrayOutputStream();
    var out = new ByteArrayOutputStream();
    var session = new Session(new PrintStream(out), new PrintStream(err), false, interruption);
    String[] args = {"merge", job.base.toString(), job.adapter.toString(), job.target.toString()};
    assertEquals(ExitCode.CANCELLED.code(), Main.run(args, session));
    assertEquals("", out.toString(StandardCharsets.UTF_8));
    assertTrue(
        err.toString(StandardCharsets.UTF_8).startsWith("oft merge: the merge was cancelled"));
    assertEquals(before, job.snapshot());
  }

  private static float[] weight(Path file) throws IOException {
    try {
      return Safetensors.read(file).floats("fc.weight");
    } catch (CliException e) {
      throw new IOException(e);
    }
  }

  private static void assertLine(CliRun run, String start) {
    assertTrue(run.out().lines().anyMatch(line -> line.strip().startsWith(start)), run::out);
  }
}
