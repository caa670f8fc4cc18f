package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class AdapterFileTest {
  @TempDir Path temp;

  @Test
  void readsAnAdapterOfPeft() {
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.load(scope, TestData.path("adapters/exact"));
      assertEquals("PEFT 0.21.0", adapter.maker());
      assertEquals(8, adapter.config().oftBlockSize());
      assertEquals(List.of(), adapter.unusedKeys());
      assertEquals(List.of(), adapter.replacements());
      assertEquals(List.of(), adapter.warnings());
      assertFalse(adapter.layers().isEmpty());
      for (AdapterFile.Layer layer : adapter.layers()) {
        long features = layer.rows() * layer.blockSize();
        Rotation rotation = adapter.rotation(layer.name(), features);
        assertSame(scope, rotation.scope());
        assertEquals(layer.blockSize(), rotation.blockSize());
        assertEquals(layer.rows(), rotation.blocks());
        assertArrayEquals(
            new long[] {layer.rows(), layer.blockSize() * (layer.blockSize() - 1) / 2},
            rotation.q().shape());
      }
    }
  }

  @Test
  void tellsWhatItReplaces() {
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.load(scope, TestData.path("adapters/modules-to-save"));
      assertFalse(adapter.replacements().isEmpty());
    }
  }

  @Test
  void anEmbeddingIsMarked() {
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.load(scope, TestData.path("adapters/embedding"));
      assertTrue(adapter.layers().stream().anyMatch(AdapterFile.Layer::isEmbedding));
    }
  }

  @Test
  void whatIsWrittenReadsBack() {
    Path folder = temp.resolve("größer");
    float[] q = {0.1f, -0.2f, 0.3f, -0.05f, 0.15f, 0.25f};
    OFTConfig config =
        OFTConfig.builder().targetModules("q_proj", "tokens").oftBlockSize(3).build();
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.create(scope, config);
      adapter.put("layers.0.q_proj", Tensor.of(scope, new float[6], 2, 3));
      adapter.put("layers.0.q_proj", Tensor.of(scope, q, 2, 3));
      adapter.putEmbedding("tokens", Tensor.of(scope, q, 2, 3));
      adapter.save(folder);
    }
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.load(scope, folder);
      assertEquals(
          List.of(
              new AdapterFile.Layer("layers.0.q_proj", false, Side.INPUT, "", 1, 2, 3, "float32"),
              new AdapterFile.Layer("tokens", true, Side.INPUT, "", 1, 2, 3, "float32")),
          adapter.layers());
      assertArrayEquals(q, adapter.rotation("layers.0.q_proj", 6).q().toFloatArray());
      assertEquals(config.targetModules(), adapter.config().targetModules());
    }
  }

  @Test
  void aRotationOutlivesItsAdapterInAnotherScope() {
    try (var outer = OFTScope.open()) {
      Rotation rotation;
      try (var inner = outer.child()) {
        AdapterFile adapter = AdapterFile.load(inner, TestData.path("adapters/exact"));
        AdapterFile.Layer layer = adapter.layers().getFirst();
        rotation = adapter.rotation(layer.name(), layer.rows() * layer.blockSize());
        rotation.moveTo(outer);
      }
      assertTrue(rotation.orthogonalityError(DType.FLOAT32) < 1e-5);
    }
  }

  @Test
  void anUnknownLayerIsNamedWithTheNearestOnes() {
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.load(scope, TestData.path("adapters/exact"));
      String name = adapter.layers().getFirst().name();
      var thrown = assertThrows(OFTNotFoundException.class, () -> adapter.rotation(name + "x", 8));
      assertTrue(thrown.getMessage().contains(name + "x"), thrown.getMessage());
      assertTrue(thrown.getMessage().contains(name + "'"), thrown.getMessage());
      assertThrows(OFTArgumentException.class, () -> adapter.rotation(name, 7));
    }
  }

  @Test
  void badFoldersHaveTheirOwnExceptions() throws IOException {
    Path config = temp.resolve("adapter_config.json");
    try (var scope = OFTScope.open()) {
      assertThrows(
          OFTNotFoundException.class, () -> AdapterFile.load(scope, temp.resolve("missing")));
      assertThrows(OFTNotFoundException.class, () -> AdapterFile.load(scope, temp));
      String tensors = "adapter_model.safetensors";
      Files.copy(TestData.path("adapters/exact").resolve(tensors), temp.resolve(tensors));
      Files.writeString(config, "{\"peft_type\": \"OFT\"");
      assertThrows(OFTParseException.class, () -> AdapterFile.load(scope, temp));
      Files.writeString(config, "{\"peft_type\": \"LORA\"}");
      assertThrows(OFTUnsupportedException.class, () -> AdapterFile.load(scope, temp));
    }
  }

  @Test
  void anUnwritableFolderIsAnIoFailure() throws IOException {
    Path file = Files.createFile(temp.resolve("file"));
    try (var scope = OFTScope.open()) {
      AdapterFile adapter = AdapterFile.create(scope, OFTConfig.builder().build());
      adapter.put("layer", Tensor.of(scope, new float[8 * 6], 8, 6));
      assertThrows(OFTIOException.class, () -> adapter.save(file.resolve("folder")));
    }
  }
}
