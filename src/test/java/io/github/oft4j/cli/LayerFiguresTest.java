package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.oft4j.CheckedLayer;
import io.github.oft4j.Side;
import java.util.List;
import org.junit.jupiter.api.Test;

class LayerFiguresTest {
  private static final CheckedLayer PLAIN =
      CheckFixture.layer("fc", 0, List.of(0.1, 0.3, 0.2), 0.5, 0.6);

  @Test
  void aLayerOfAModelHasItsName() {
    assertEquals("fc", LayerFigures.title(PLAIN));
    assertEquals("Linear", LayerFigures.kind(PLAIN));
    assertEquals(0.3, LayerFigures.largestAngle(PLAIN));
    assertEquals(0.2, LayerFigures.energyChange(PLAIN), 1e-12);
  }

  @Test
  void aLayerOfAPipelineNamesItsComponent() {
    assertEquals("unet/fc", LayerFigures.title(CheckFixture.in("unet", PLAIN)));
  }

  @Test
  void whatIsUnusualIsSaid() {
    assertEquals(
        "Linear, output side", LayerFigures.kind(CheckFixture.turned(PLAIN, Side.OUTPUT, 1)));
    assertEquals("Linear, 3 factors", LayerFigures.kind(CheckFixture.turned(PLAIN, Side.INPUT, 3)));
  }

  /** Its energy is 0, and must not count as changed beyond measure. */
  @Test
  void aSingleNeuronKeepsItsEnergy() {
    assertEquals(0, LayerFigures.energyChange(CheckFixture.layer("a", 0, List.of(0.1), 0, 0)));
  }

  @Test
  void aLayerWithoutBlocksDoesNotTurn() {
    assertEquals(0, LayerFigures.largestAngle(CheckFixture.layer("a", 0, List.of(), 0, 0)));
  }
}
