package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class OFTTest {
  @Test
  void buildInfoNamesVersionsAndInstructionSet() {
    JsonNode info = Json.parse(OFT.buildInfo());
    assertEquals(OFT.version(), info.get("oft").textValue());
    assertTrue(OFT.version().matches("\\d+\\.\\d+\\.\\d+"), OFT.version());
    assertTrue(info.get("torch").isTextual());
    assertTrue(info.get("isa").isTextual());
  }

  @Test
  void describesAdaptersAndCheckpoints() {
    JsonNode adapter = Json.parse(OFT.describe(TestData.path("adapters/exact")));
    assertEquals("adapter", adapter.get("type").textValue());
    JsonNode checkpoint = Json.parse(OFT.describe(TestData.path("base_sharded")));
    assertEquals("checkpoint", checkpoint.get("type").textValue());
    assertEquals(3, checkpoint.get("files").size());
  }

  @Test
  void describesNothingElse(@TempDir Path temp) throws IOException {
    assertThrows(OFTNotFoundException.class, () -> OFT.describe(temp.resolve("missing")));
    Path text = Files.writeString(temp.resolve("text.txt"), "hello");
    assertThrows(OFTParseException.class, () -> OFT.describe(text));
  }

  @Test
  void aPathInsideAnArchiveIsRefused(@TempDir Path temp) throws IOException {
    Path zip = temp.resolve("archive.zip");
    try (var archive = FileSystems.newFileSystem(zip, Map.of("create", "true"))) {
      Path inside = archive.getPath("/model");
      var thrown = assertThrows(OFTArgumentException.class, () -> OFT.describe(inside));
      assertTrue(thrown.getMessage().startsWith("/model is inside"), thrown.getMessage());
    }
  }

  @Test
  void liveHandlesCountsObjectsOfOpenScopes() {
    long before = OFT.liveHandles();
    try (var scope = OFTScope.open()) {
      Tensor.of(scope, new float[] {1}, 1);
      assertEquals(before + 1, OFT.liveHandles());
    }
    assertEquals(before, OFT.liveHandles());
  }
}
