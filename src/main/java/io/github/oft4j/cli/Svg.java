package io.github.oft4j.cli;

import de.erichseifert.vectorgraphics2d.Processors;
import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import java.awt.geom.Rectangle2D;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Locale;
import org.jfree.chart.JFreeChart;

/** Charts, one below the other, as an SVG document. */
final class Svg {
  /** A chart, and the room it gets. */
  record Panel(JFreeChart chart, int height) {}

  private Svg() {}

  /** Draws panels in UTF-8. */
  static byte[] of(Panel... panels) throws CliException {
    requireFont();
    var graphics = new VectorGraphics2D();
    int top = 0;
    for (Panel panel : panels) {
      panel.chart.draw(graphics, new Rectangle2D.Double(0, top, PlotStyle.WIDTH, panel.height));
      top += panel.height;
    }
    var svg = new ByteArrayOutputStream();
    try {
      Processors.get("svg")
          .getDocument(graphics.getCommands(), new PageSize(0, 0, PlotStyle.WIDTH, top))
          .writeTo(svg);
    } catch (IOException e) {
      throw new AssertionError("a byte array refused to grow", e);
    }
    return svg.toByteArray();
  }

  /** Java measures text even where another program will draw it. */
  private static void requireFont() throws CliException {
    try {
      PlotStyle.LABEL_FONT.getFamily(Locale.ROOT);
    } catch (RuntimeException | Error e) { // the JDK's own way to say that there is none
      throw new CliException(
          ExitCode.INTERNAL,
          "cannot draw, because Java finds no font: install fontconfig and a font"
              + " (Debian: fonts-dejavu-core)");
    }
  }
}
