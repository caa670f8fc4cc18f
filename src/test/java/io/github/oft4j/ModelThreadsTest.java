package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Threads run a model while others change its adapters: every output is that of one adapter. */
@ExtendWith(LeakCheck.class)
@Timeout(120)
class ModelThreadsTest {
  private static final int THREADS = 16;
  private static final int CHANGES = 10_000;
  private static final float TOLERANCE = 1e-5f;

  @TempDir private Path folder;
  private OFTScope scope;
  private OFTModel model;

  @BeforeEach
  void makeModel() {
    RandomState.seed(3);
    scope = OFTScope.open();
    model = OFTModel.create(TestScripts.mlp(scope), TestScripts.config(), "a");
    model.addAdapter("b", TestScripts.config());
    model.savePretrained(folder);
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private float[] outputOf(String adapter) {
    return run(ForwardOptions.defaults().adapters(adapter));
  }

  private float[] run(ForwardOptions options) {
    try (var step = OFTScope.open()) {
      return model.forward(options, TestScripts.input(step, 2)).toFloatArray();
    }
  }

  /**
   * Runs the model on many virtual threads while this one makes changes: at least so many, and
   * until each of the allowed outputs was seen.
   */
  private void whileThreadsRun(List<float[]> allowed, int changes, IntConsumer change)
      throws Exception {
    var seen = new AtomicIntegerArray(allowed.size());
    var stop = new AtomicBoolean();
    var users = new ArrayList<Future<?>>();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < THREADS; i++) {
        users.add(executor.submit(() -> useUntil(stop, allowed, seen)));
      }
      try {
        for (int i = 0; i < changes || isAnyMissing(seen, users); i++) {
          change.accept(i);
        }
      } finally {
        stop.set(true);
      }
    }
    for (Future<?> user : users) {
      user.get();
    }
  }

  private static boolean isAnyMissing(AtomicIntegerArray seen, List<Future<?>> users) {
    return users.stream().noneMatch(Future::isDone)
        && IntStream.range(0, seen.length()).anyMatch(i -> seen.get(i) == 0);
  }

  private void useUntil(AtomicBoolean stop, List<float[]> allowed, AtomicIntegerArray seen) {
    while (!stop.get()) {
      seen.incrementAndGet(indexOf(run(ForwardOptions.defaults()), allowed));
    }
  }

  private static int indexOf(float[] output, List<float[]> allowed) {
    for (int i = 0; i < allowed.size(); i++) {
      if (isClose(output, allowed.get(i))) {
        return i;
      }
    }
    return fail(Arrays.toString(output) + " is the output of no adapter");
  }

  private static boolean isClose(float[] a, float[] b) {
    for (int i = 0; i < a.length; i++) {
      if (Math.abs(a[i] - b[i]) > TOLERANCE) {
        return false;
      }
    }
    return true;
  }

  @Test
  void adaptersAreSwitched() throws Exception {
    whileThreadsRun(
        List.of(outputOf("a"), outputOf("b")),
        CHANGES,
        i -> model.setAdapter(i % 2 == 0 ? "b" : "a"));
  }

  @Test
  void anAdapterIsSwapped() throws Exception {
    whileThreadsRun(
        List.of(outputOf("a"), outputOf("b")),
        CHANGES,
        i -> model.loadAdapter(folder.resolve(i % 2 == 0 ? "b" : "a"), "a"));
  }

  @Test
  void adaptersAreMergedAndDisabled() throws Exception {
    float[] base;
    try (var _ = model.disabledAdapter()) {
      base = run(ForwardOptions.defaults());
    }
    whileThreadsRun(
        List.of(outputOf("a"), base),
        CHANGES / 10,
        i -> {
          model.mergeAdapter();
          try (var _ = model.disabledAdapter()) {
            assertEquals(List.of("a"), model.mergedAdapters());
          }
          model.unmergeAdapter();
        });
  }

  @Test
  void eachRequestChoosesItsAdapter() throws Exception {
    var outputs = List.of(outputOf("a"), outputOf("b"));
    var users = new ArrayList<Future<?>>();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < THREADS; i++) {
        int adapter = i % 2;
        users.add(executor.submit(() -> request(adapter == 0 ? "a" : "b", outputs.get(adapter))));
      }
    }
    for (Future<?> user : users) {
      user.get();
    }
  }

  private void request(String adapter, float[] expected) {
    for (int i = 0; i < CHANGES / THREADS; i++) {
      assertTrue(isClose(outputOf(adapter), expected), adapter);
    }
  }
}
