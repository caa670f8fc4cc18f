package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class ThreadsTest {
  private static final int THREADS = 8;

  @Test
  void manyThreadsUseOneRotationWhileAnotherClosesItsScope() throws Exception {
    for (int round = 0; round < 10; round++) {
      var owner = OFTScope.open();
      Tensor q = Tensor.of(owner, new float[] {0.3f, -0.2f}, 2, 1);
      Rotation rotation = Rotation.of(owner, q, 4, OFTConfig.builder().oftBlockSize(2).build());
      float[] expected = merge(rotation);
      var allStarted = new CountDownLatch(THREADS);
      var users = new ArrayList<Future<Integer>>();
      try (var executor = Executors.newFixedThreadPool(THREADS)) {
        for (int i = 0; i < THREADS; i++) {
          users.add(executor.submit(() -> useUntilClosed(rotation, expected, allStarted)));
        }
        allStarted.await();
        owner.close();
      }
      for (Future<Integer> user : users) {
        assertTrue(user.get() > 0);
      }
    }
  }

  private static int useUntilClosed(
      Rotation rotation, float[] expected, CountDownLatch allStarted) {
    for (int calls = 0; ; calls++) {
      try {
        assertArrayEquals(expected, merge(rotation));
      } catch (OFTStateException closed) {
        assertTrue(closed.getMessage().contains("closed"), closed.getMessage());
        return calls;
      }
      if (calls == 0) {
        allStarted.countDown();
      }
    }
  }

  private static float[] merge(Rotation rotation) {
    try (var step = OFTScope.open()) {
      Tensor weight = Tensor.of(step, new float[] {1, 2, 3, 4, 0.5f, -1, 0.25f, 2}, 2, 4);
      return rotation.merge(weight, LayerKind.LINEAR).toFloatArray();
    }
  }

  @Test
  void threadsShareOneScope() throws Exception {
    try (var scope = OFTScope.open();
        var executor = Executors.newFixedThreadPool(THREADS)) {
      var sums = new ArrayList<Future<Float>>();
      for (int i = 0; i < 100; i++) {
        float value = i;
        sums.add(
            executor.submit(
                () ->
                    Tensor.of(scope, new float[] {value}, 1).to(DType.FLOAT64).toFloatArray()[0]));
      }
      for (int i = 0; i < 100; i++) {
        assertEquals((float) i, sums.get(i).get());
      }
    }
  }
}
