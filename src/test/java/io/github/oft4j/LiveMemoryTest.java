package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Long runs hold the number of native objects and the memory of the process. Each has a process of
 * its own, with a Java heap of constant size and one native thread.
 */
@EnabledOnOs(OS.LINUX)
class LiveMemoryTest {
  private static final long SLACK = 8L << 20;
  private static final Pattern GROWN =
      Pattern.compile("grown by (-?\\d+) objects and (-?\\d+) bytes");
  private static final int STEPS = 10_000;
  private static final int CYCLES = 1_000;

  @Test
  void trainingHoldsItsMemory() throws IOException {
    assertHolds(Training.class);
  }

  @Test
  void loadingMergingAndUnloadingHoldsTheMemory(@TempDir Path folder) throws IOException {
    assertHolds(Cycles.class, folder.toString());
  }

  private static void assertHolds(Class<?> main, String... arguments) throws IOException {
    var result =
        new ChildJvm()
            .option("--enable-native-access=ALL-UNNAMED")
            .option("-Doft4j.library=" + System.getProperty("oft4j.library"))
            .option("-Doft4j.testData=" + TestData.ROOT.toAbsolutePath())
            .option("-Xms64m")
            .option("-Xmx64m")
            .option("-XX:+AlwaysPreTouch")
            .option("-XX:TieredStopAtLevel=1") // the optimizing compiler takes memory by fits
            .variable("OMP_NUM_THREADS", "1")
            .run(main, arguments);
    assertEquals(0, result.exitCode(), result.output());
    var grown = GROWN.matcher(result.output());
    assertTrue(grown.find(), result.output());
    assertEquals(0, Long.parseLong(grown.group(1)), grown.group());
    assertTrue(Long.parseLong(grown.group(2)) < SLACK, grown.group());
  }

  /** Runs rounds to warm up, then five times as many, and prints what grew in these. */
  private static void hold(int rounds, Runnable round) {
    repeat(rounds / 5, round);
    long handles = OFT.liveHandles();
    long memory = ProcessMemory.resident();
    repeat(rounds, round);
    System.out.printf(
        "grown by %d objects and %d bytes%n",
        OFT.liveHandles() - handles, ProcessMemory.resident() - memory);
  }

  private static void repeat(int times, Runnable round) {
    for (int i = 0; i < times; i++) {
      round.run();
    }
  }

  /** Trains one model. */
  static final class Training {
    private static final long[] LABELS = {0, 1, 2, 3, 0, 1, 2, 3};

    public static void main(String[] args) {
      try (var scope = OFTScope.open()) {
        OFTModel model = OFTModel.create(TestScripts.mlp(scope), TestScripts.config());
        model.train();
        List<Tensor> parameters = model.trainableParameters();
        var optimizer = Optimizer.adamW(parameters, 1e-4);
        hold(STEPS, () -> step(model, parameters, optimizer));
      }
    }

    private static void step(OFTModel model, List<Tensor> parameters, Optimizer optimizer) {
      try (var step = model.scope().child()) {
        Tensor y = model.forward(TestScripts.input(step, LABELS.length));
        Tensor loss = y.crossEntropy(step.tensor(LABELS));
        optimizer.zeroGrad();
        loss.backward();
        Gradients.clip(parameters, 1);
        optimizer.step();
      }
    }
  }

  /** Makes and drops models over one base. */
  static final class Cycles {
    public static void main(String[] args) {
      Path folder = Path.of(args[0]);
      try (var scope = OFTScope.open()) {
        ScriptModule base = TestScripts.mlp(scope);
        try (var model = OFTModel.create(base, TestScripts.config())) {
          model.savePretrained(folder);
        }
        hold(CYCLES, () -> cycle(base, folder));
      }
    }

    private static void cycle(ScriptModule base, Path folder) {
      try (var step = OFTScope.open();
          var model = OFTModel.fromPretrained(base, folder)) {
        Tensor x = TestScripts.input(step, 2);
        model.forward(x);
        model.loadAdapter(folder, "second");
        model.mergeAdapter();
        model.unmergeAdapter();
        try (var merged = model.mergeAndUnload(MergeOptions.safe())) {
          merged.forward(x);
        }
      }
    }
  }
}
