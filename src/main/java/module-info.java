/**
 * Orthogonal fine-tuning (OFT) on the JVM: trains, checks, converts and merges adapters of PEFT and
 * other makers.
 *
 * <p>The command line alone needs picocli, progressbar and JFreeChart.
 */
module io.github.oft4j {
  requires com.fasterxml.jackson.databind;
  requires static info.picocli;
  requires static java.desktop;
  requires static me.tongfei.progressbar;
  requires static org.jfree.jfreechart;
  requires static VectorGraphics2D;

  exports io.github.oft4j;
  exports io.github.oft4j.train;

  opens io.github.oft4j.cli to
      info.picocli;
}
