package io.github.oft4j.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.OFTStateException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class NativeHandleTest {
  private static final MemorySegment POINTER = MemorySegment.ofAddress(4096);

  private final AtomicInteger destroyed = new AtomicInteger();

  private NativeHandle handle(long bytes) {
    return new NativeHandle(
        POINTER,
        address -> {
          assertEquals(POINTER.address(), address);
          destroyed.incrementAndGet();
        },
        "Thing 7",
        bytes,
        null);
  }

  @Test
  void closeDestroysAtOnceWhereNobodyUsesIt() {
    NativeHandle handle = handle(0);
    handle.close();
    assertEquals(1, destroyed.get());
  }

  @Test
  void closeIsIdempotent() {
    NativeHandle handle = handle(0);
    handle.close();
    handle.close();
    assertEquals(1, destroyed.get());
  }

  @Test
  void theLastLeaseDestroysAClosedHandle() {
    NativeHandle handle = handle(0);
    assertSame(POINTER, handle.lease());
    assertSame(POINTER, handle.lease());
    handle.close();
    handle.release();
    assertEquals(0, destroyed.get());
    handle.release();
    assertEquals(1, destroyed.get());
  }

  @Test
  void releasingAnOpenHandleKeepsIt() {
    NativeHandle handle = handle(0);
    handle.lease();
    handle.release();
    assertEquals(0, destroyed.get());
  }

  @Test
  void aClosedHandleRefusesLeasesAndNamesTheObject() {
    NativeHandle handle = handle(0);
    handle.lease();
    handle.close();
    var thrown = assertThrows(OFTStateException.class, handle::lease);
    assertTrue(thrown.getMessage().startsWith("Thing 7 is closed"), thrown.getMessage());
  }

  @Test
  void bytesAreCountedWhileTheObjectLives() {
    long before = NativeMemory.held();
    NativeHandle handle = handle(1000);
    assertEquals(before + 1000, NativeMemory.held());
    handle.lease();
    handle.close();
    assertEquals(before + 1000, NativeMemory.held());
    handle.release();
    assertEquals(before, NativeMemory.held());
  }

  @Test
  void threadsThatRaceWithCloseSeeTheObjectOrAnException() throws InterruptedException {
    for (int round = 0; round < 50; round++) {
      destroyed.set(0);
      NativeHandle handle = handle(0);
      var usedAfterDestroy = new AtomicInteger();
      var start = new CountDownLatch(1);
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < 4; i++) {
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      await(start);
                      try {
                        for (; ; ) {
                          handle.lease();
                          usedAfterDestroy.addAndGet(destroyed.get());
                          handle.release();
                        }
                      } catch (OFTStateException closed) {
                        // as it should be
                      }
                    }));
      }
      start.countDown();
      Thread.yield();
      handle.close();
      for (Thread thread : threads) {
        thread.join();
      }
      assertEquals(0, usedAfterDestroy.get());
      assertEquals(1, destroyed.get());
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
