package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class CheckSummaryTest {
  @Test
  void sumsUpLayers() {
    var summary =
        CheckSummary.of(
            List.of(
                CheckFixture.layer("a", 1e-7, List.of(0.1, 0.3), 0.5, 0.6),
                CheckFixture.layer("b", 1e-6, List.of(0.2), 0.5, 0.49)));
    assertEquals(2, summary.layers());
    assertEquals(3, summary.blocks());
    assertEquals(0.3, summary.largestAngle());
    assertEquals(0.1, summary.meanAngle(), 1e-12);
    assertEquals(1e-6, summary.orthogonalityError());
    assertEquals(0.2, summary.energyChange(), 1e-12);
  }

  @Test
  void nothingSumsUpToZeros() {
    assertEquals(new CheckSummary(0, 0, 0, 0, 0, 0), CheckSummary.of(List.of()));
  }
}
