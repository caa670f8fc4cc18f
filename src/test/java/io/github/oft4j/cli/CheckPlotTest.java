package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.CheckedLayer;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.stream.IntStream;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class CheckPlotTest {
  private static final int SERIES = 4;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 70})
  void everyLayerHasFourPointsAndItsName(int count) throws Exception {
    Document svg = plot(CheckFixture.layers(count));
    assertEquals(SERIES * (count + 1), dots(svg)); // and one each in the legend
    List<String> texts = texts(svg);
    for (int i = 0; i < count; i++) {
      assertTrue(texts.contains("model.layers." + i + ".q_proj"), texts::toString);
    }
  }

  @Test
  void layersOfAPipelineNameTheirComponents() throws Exception {
    CheckedLayer layer = CheckFixture.layer("fc", 0.1);
    Document svg =
        plot(List.of(CheckFixture.in("unet", layer), CheckFixture.in("text_encoder", layer)));
    assertEquals(SERIES * 3, dots(svg));
    assertTrue(texts(svg).containsAll(List.of("unet/fc", "text_encoder/fc")));
  }

  @Test
  void axesNameTheirUnitsAndTheLegendItsSeries() throws Exception {
    assertTrue(
        texts(plot(CheckFixture.layers(2)))
            .containsAll(
                List.of(
                    "adapter on base",
                    "rotation angle (degrees)",
                    "hyperspherical energy",
                    "largest angle",
                    "mean angle",
                    "energy before",
                    "energy after (inside: kept)")));
  }

  @Test
  void everyTextStatesItsSize() throws Exception {
    NodeList texts = plot(CheckFixture.layers(2)).getElementsByTagName("text");
    for (int i = 0; i < texts.getLength(); i++) {
      String style = ((Element) texts.item(i)).getAttribute("style");
      assertTrue(style.contains("font-size:"), style); // viewers differ in what they assume
    }
  }

  @Test
  void energiesThatAreNotFiniteAreLeftOut() throws Exception {
    var layer = CheckFixture.layer("fc", 0, List.of(0.1, 0.2), 0.7, Double.NaN);
    assertEquals(SERIES - 1 + SERIES, dots(plot(List.of(layer))));
  }

  private static Document plot(List<CheckedLayer> layers) throws Exception {
    var factory = DocumentBuilderFactory.newInstance();
    // The document type names a file on the net, which a test must not fetch.
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_DTD, "");
    return factory
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(CheckPlot.svg(layers, "adapter on base")));
  }

  /** Dots are the only curves of the picture. */
  private static long dots(Document svg) {
    NodeList paths = svg.getElementsByTagName("path");
    return IntStream.range(0, paths.getLength())
        .filter(i -> ((Element) paths.item(i)).getAttribute("d").contains(" C"))
        .count();
  }

  private static List<String> texts(Document svg) {
    NodeList texts = svg.getElementsByTagName("text");
    return IntStream.range(0, texts.getLength())
        .mapToObj(i -> texts.item(i).getTextContent())
        .toList();
  }
}
