package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class AdapterCheckTest {
  private static final Path BASE = TestData.path("base");

  @Test
  void measuresEveryLayer() {
    CheckReport report = AdapterCheck.of(BASE, TestData.path("adapters/exact")).run();
    assertEquals("PEFT 0.21.0", report.maker());
    assertEquals(List.of(), report.problems());
    assertEquals(List.of(), report.missing());
    assertEquals(List.of(), report.unused());
    assertFalse(report.layers().isEmpty());
    for (CheckedLayer layer : report.layers()) {
      assertTrue(layer.orthogonalityError() < 1e-5, layer.name());
      assertEquals(layer.blocks(), layer.blockAngles().size(), layer.name());
      assertTrue(layer.meanAngle() > 0, layer.name());
      assertEquals(1, layer.energyAfter() / layer.energyBefore(), 1e-4, layer.name());
    }
    assertTrue(report.json().contains("\"energy_before\""));
  }

  @Test
  void anErrorAboveTheLimitIsAProblem() {
    var check = AdapterCheck.of(BASE, TestData.path("adapters/exact"));
    assertEquals(List.of(), check.run().problems());
    assertFalse(check.maxOrthogonalityError(1e-12).run().problems().isEmpty());
  }

  @Test
  void aMissingPathIsAnException() {
    var check = AdapterCheck.of(BASE, Path.of("no-such-adapter"));
    var thrown = assertThrows(OFTNotFoundException.class, check::run);
    assertTrue(thrown.getMessage().contains("no-such-adapter"), thrown.getMessage());
  }
}
