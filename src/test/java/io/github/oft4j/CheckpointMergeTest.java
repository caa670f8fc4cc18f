package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
class CheckpointMergeTest {
  private static final Path BASE = TestData.path("base");
  private static final Path ADAPTER = TestData.path("adapters/exact");

  @TempDir Path temp;

  static Stream<Named<JsonNode>> adapters() {
    return TestData.json(TestData.path("adapters.json"))
        .get("adapters")
        .valueStream()
        .map(adapter -> Named.of(adapter.get("name").textValue(), adapter));
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void mergesAsPeftDoes(JsonNode adapter) throws IOException {
    Path target = temp.resolve("merged");
    String base = adapter.get("base").textValue();
    MergeReport report =
        CheckpointMerge.of(TestData.path(base))
            .adapter(TestData.path(adapter.get("adapter").textValue()))
            .safe()
            .sync(false)
            .writeTo(target);
    assertFalse(report.layers().isEmpty());
    Map<String, float[]> merged = SafetensorsReader.read(target.resolve("model.safetensors"));
    Map<String, float[]> expected =
        SafetensorsReader.read(TestData.path(adapter.get("expected").textValue()));
    assertEquals(expected.keySet(), merged.keySet());
    // PEFT rounds 16-bit weights at other places: one unit in the last of 8 or 11 bits.
    float tolerance =
        base.endsWith("_bf16") ? 1f / 128 : base.endsWith("_fp16") ? 1f / 1024 : 2e-6f;
    expected.forEach((name, values) -> assertClose(values, merged.get(name), tolerance, name));
  }

  private static void assertClose(float[] expected, float[] actual, float tolerance, String name) {
    assertEquals(expected.length, actual.length, name);
    float largest = 0;
    float difference = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(expected[i] - actual[i]));
    }
    assertTrue(difference <= tolerance * Math.max(1, largest), name + ": off by " + difference);
  }

  @Test
  void reportsWhatItDid() throws IOException {
    Path target = temp.resolve("merged");
    MergeReport report =
        CheckpointMerge.of(BASE).adapter(ADAPTER).verify().threads(2).sync(false).writeTo(target);
    assertTrue(report.verified());
    assertTrue(report.verifyTolerance() > 0);
    assertEquals(List.of("model.safetensors"), report.files());
    long tensors = 0;
    for (float[] values : SafetensorsReader.read(target.resolve("model.safetensors")).values()) {
      tensors += (long) values.length * Float.BYTES;
    }
    assertTrue(report.bytesWritten() >= tensors);
    assertTrue(report.bytesRead() >= tensors);
    assertTrue(report.seconds() > 0);
    assertEquals(List.of(), report.replaced());
    assertTrue(report.layers().stream().anyMatch(layer -> layer.verifyError().isPresent()));
    MergedLayer layer = report.layers().getFirst();
    assertEquals("float32", layer.dtype());
    assertEquals("", layer.component());
    assertTrue(layer.blocks() > 0);
    assertTrue(layer.orthogonalityError() < 1e-5);
    assertTrue(layer.largestAngle() > 0);
    assertTrue(report.json().contains("\"" + layer.name() + "\""));
    assertTrue(Files.exists(target.resolve("config.json")));
  }

  @Test
  void convertsAndReshards() throws IOException {
    Path target = temp.resolve("merged");
    MergeReport report =
        CheckpointMerge.of(BASE)
            .adapter(ADAPTER)
            .dtype(DType.BFLOAT16)
            .device(Device.cpu())
            .maxShardSize(4096)
            .sync(false)
            .writeTo(target);
    assertTrue(report.files().size() > 1);
    assertTrue(report.layers().stream().allMatch(layer -> layer.dtype().equals("bfloat16")));
    assertTrue(Files.exists(target.resolve("model.safetensors.index.json")));
  }

  @Test
  void aMergeOfTwoAdaptersDependsOnTheirOrder() throws IOException {
    Path other = TestData.path("adapters/neumann");
    Path first = temp.resolve("first");
    Path second = temp.resolve("second");
    CheckpointMerge.of(BASE).adapter(ADAPTER).adapter(other).sync(false).writeTo(first);
    CheckpointMerge.of(BASE).adapter(other).adapter(ADAPTER).sync(false).writeTo(second);
    Path file = Path.of("model.safetensors");
    assertTrue(Files.mismatch(first.resolve(file), second.resolve(file)) >= 0);
  }

  @Test
  void progressEndsAtTheTotal() {
    var calls = new ArrayList<long[]>();
    Thread caller = Thread.currentThread();
    CheckpointMerge.of(BASE)
        .adapter(ADAPTER)
        .sync(false)
        .progress(
            (done, total) -> {
              assertSame(caller, Thread.currentThread());
              calls.add(new long[] {done, total});
              return true;
            })
        .writeTo(temp.resolve("merged"));
    long[] last = calls.getLast();
    assertTrue(last[1] > 0);
    assertEquals(last[1], last[0]);
  }

  @Test
  void aListenerCancelsAndNothingIsLeftBehind() throws IOException {
    var merge = CheckpointMerge.of(BASE).adapter(ADAPTER).progress((done, total) -> false);
    assertThrows(OFTCancelledException.class, () -> merge.writeTo(temp.resolve("merged")));
    assertEmpty(temp);
  }

  @Test
  void anExceptionOfAListenerCancelsAndReachesTheCaller() throws IOException {
    var failure = new IllegalStateException("the bar broke");
    var merge =
        CheckpointMerge.of(BASE)
            .adapter(ADAPTER)
            .progress(
                (done, total) -> {
                  throw failure;
                });
    var thrown =
        assertThrows(IllegalStateException.class, () -> merge.writeTo(temp.resolve("merged")));
    assertSame(failure, thrown);
    assertEmpty(temp);
  }

  @Test
  void badInputsHaveTheirOwnExceptions() throws IOException {
    Path target = temp.resolve("merged");
    Path missing = temp.resolve("missing");
    assertThrows(
        OFTNotFoundException.class,
        () -> CheckpointMerge.of(missing).adapter(ADAPTER).writeTo(target));
    assertThrows(
        OFTNotFoundException.class,
        () -> CheckpointMerge.of(BASE).adapter(missing).writeTo(target));
    assertThrows(
        OFTArgumentException.class,
        () -> CheckpointMerge.of(BASE).adapter(ADAPTER).threads(-1).writeTo(target));
    assertThrows(
        OFTArgumentException.class,
        () -> CheckpointMerge.of(BASE).adapter(ADAPTER).dtype(DType.INT64).writeTo(target));
    assertThrows(
        OFTDeviceException.class,
        () -> CheckpointMerge.of(BASE).adapter(ADAPTER).device(Device.cuda(99)).writeTo(target));
    Path broken = Files.write(temp.resolve("broken.safetensors"), new byte[] {9, 9, 9, 9});
    assertThrows(
        OFTParseException.class, () -> CheckpointMerge.of(broken).adapter(ADAPTER).writeTo(target));
    assertFalse(Files.exists(target));
  }

  @Test
  void anExistingTargetNeedsForce() throws IOException {
    Path target = Files.createDirectory(temp.resolve("merged"));
    Files.createFile(target.resolve("kept"));
    var merge = CheckpointMerge.of(BASE).adapter(ADAPTER).sync(false);
    var thrown = assertThrows(OFTException.class, () -> merge.writeTo(target));
    assertTrue(thrown.getMessage().contains(target.toString()), thrown.getMessage());
    merge.force().writeTo(target);
    assertTrue(Files.exists(target.resolve("model.safetensors")));
  }

  @Test
  void mergesTheComponentsOfAPipelineInOneRun() throws IOException {
    Path pipeline = writePipeline();
    Path target = temp.resolve("merged");
    Path other = TestData.path("adapters/neumann");
    MergeReport report =
        CheckpointMerge.of(pipeline)
            .adapter("unet", ADAPTER)
            .adapter("text_encoder", other)
            .sync(false)
            .writeTo(target);
    assertEquals(
        List.of("text_encoder", "unet"),
        report.layers().stream().map(MergedLayer::component).distinct().toList());
    assertEquals(
        List.of("text_encoder/model.safetensors", "unet/model.safetensors"), report.files());

    Path alone = temp.resolve("alone");
    CheckpointMerge.of(BASE).adapter(ADAPTER).sync(false).writeTo(alone);
    assertSameWeights(alone, target.resolve("unet"));
    CheckpointMerge.of(BASE).adapter(other).force().sync(false).writeTo(alone);
    assertSameWeights(alone, target.resolve("text_encoder"));
    assertSameWeights(BASE, target.resolve("vae"));
    assertTrue(Files.exists(target.resolve("model_index.json")));
  }

  @Test
  void aComponentThatIsUnclearOrUnknownIsRefused() throws IOException {
    var merge = CheckpointMerge.of(writePipeline()).adapter(ADAPTER);
    Path target = temp.resolve("merged");
    var thrown = assertThrows(OFTArgumentException.class, () -> merge.writeTo(target));
    assertTrue(thrown.getMessage().contains("'text_encoder', 'unet', 'vae'"), thrown.getMessage());
    var unknown = CheckpointMerge.of(temp.resolve("pipeline")).adapter("unett", ADAPTER);
    thrown = assertThrows(OFTArgumentException.class, () -> unknown.writeTo(target));
    assertTrue(thrown.getMessage().contains("no component 'unett'"), thrown.getMessage());
    assertFalse(Files.exists(target));
    assertThrows(NullPointerException.class, () -> unknown.adapter(null, ADAPTER));
  }

  private Path writePipeline() throws IOException {
    Path pipeline = Files.createDirectory(temp.resolve("pipeline"));
    Files.writeString(pipeline.resolve("model_index.json"), "{}");
    for (String component : List.of("text_encoder", "unet", "vae")) {
      Files.createDirectory(pipeline.resolve(component));
      for (String file : List.of("model.safetensors", "config.json")) {
        Files.copy(BASE.resolve(file), pipeline.resolve(component).resolve(file));
      }
    }
    return pipeline;
  }

  private static void assertSameWeights(Path expected, Path actual) throws IOException {
    String file = "model.safetensors";
    assertEquals(-1, Files.mismatch(expected.resolve(file), actual.resolve(file)));
  }

  private static void assertEmpty(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      assertArrayEquals(new Object[0], files.toArray());
    }
  }
}
