package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.regex.Pattern;
import joptsimple.OptionParser;
import org.apache.commons.math3.stat.descriptive.StatisticalSummary;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.Main;

/**
 * Every benchmark runs once, for a moment. Each checks that façade and C agree, so that one that
 * measures something else fails here.
 */
class BenchmarksTest {
  private static final Pattern RUN = Pattern.compile("# Run complete.");
  private static final Pattern SCORE =
      Pattern.compile("Benchmark\\.(?:facade|c)\\w+ +avgt +\\d* +\\d");

  @Test
  void allRun() throws IOException {
    var result =
        new ChildJvm()
            .classPath(Main.class)
            .classPath(OptionParser.class)
            .classPath(StatisticalSummary.class)
            .option("--enable-native-access=ALL-UNNAMED")
            .option("-Doft4j.library=" + System.getProperty("oft4j.library"))
            .option("-Doft4j.testData=" + TestData.ROOT.toAbsolutePath())
            .variable("OMP_NUM_THREADS", "1")
            .run(Main.class, "-foe", "true", "-f", "0", "-wi", "0", "-i", "1", "-r", "1ms");
    assertEquals(0, result.exitCode(), result.output());
    assertTrue(RUN.matcher(result.output()).find(), result.output());
    assertTrue(SCORE.matcher(result.output()).results().count() >= 20, result.output());
  }
}
