package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.oft4j.OFTStateException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class CallTest {
  private final AtomicInteger destroyed = new AtomicInteger();

  private NativeHandle handle() {
    return new NativeHandle(
        MemorySegment.ofAddress(4096), _ -> destroyed.incrementAndGet(), "Thing", 0, null);
  }

  private static String read(Call.Text text) {
    byte[] bytes = text.data().asSlice(0, text.size()).toArray(JAVA_BYTE);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Test
  void aClosedCallIsUsedAgain() {
    Call first = Call.open();
    first.close();
    try (var second = Call.open()) {
      assertSame(first, second);
    }
  }

  @Test
  void callsThatAreOpenAtOnceShareNoMemory() {
    try (var outer = Call.open();
        var inner = Call.open()) {
      assertNotSame(outer, inner);
      assertNotEquals(outer.out().address(), inner.out().address());
      MemorySegment longs = outer.longs(1, 2, 3);
      inner.longs(7, 8, 9);
      assertArrayEquals(new long[] {1, 2, 3}, longs.asSlice(0, 24).toArray(JAVA_LONG));
    }
  }

  @Test
  void closingGivesBackEveryLease() {
    List<NativeHandle> handles = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      handles.add(handle());
    }
    try (var call = Call.open()) {
      call.leaseAll(handles);
      handles.forEach(NativeHandle::close);
      assertEquals(0, destroyed.get());
    }
    assertEquals(100, destroyed.get());
  }

  @Test
  void aLeaseThatIsRefusedLeavesTheOthers() {
    NativeHandle open = handle();
    NativeHandle closed = handle();
    closed.close();
    assertThrows(
        OFTStateException.class,
        () -> {
          try (var call = Call.open()) {
            call.lease(open);
            call.lease(closed);
          }
        });
    open.close();
    assertEquals(2, destroyed.get());
  }

  @Test
  void textsOfAnyLengthKeepTheirBytes() {
    String longText = "ü".repeat(10_000);
    try (var call = Call.open()) {
      Call.Text first = call.utf8("first");
      Call.Text big = call.utf8(longText);
      Call.Text last = call.utf8("");
      assertEquals("first", read(first));
      assertEquals(longText, read(big));
      assertEquals("", read(last));
    }
  }

  @Test
  void namesAreTheirUtf8WhetherKeptOrNot() {
    try (var call = Call.open()) {
      for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
          assertEquals("aten::op" + i, read(call.name("aten::op" + i)));
        }
        assertEquals("größe", read(call.name("größe")));
        assertEquals("n".repeat(64), read(call.name("n".repeat(64))));
        assertEquals("n".repeat(65), read(call.name("n".repeat(65))));
        assertEquals("", read(call.name("")));
      }
    }
  }

  @Test
  void manyVirtualThreadsHaveCallsOfTheirOwn() throws Exception {
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      var results = new ArrayList<Future<?>>();
      for (int i = 0; i < 1000; i++) {
        long number = i;
        results.add(executor.submit(() -> useTwoCalls(number)));
      }
      for (Future<?> result : results) {
        result.get();
      }
    }
  }

  /** Yields while both are open, so that other threads open theirs. */
  private static void useTwoCalls(long number) {
    for (int round = 0; round < 10; round++) {
      try (var outer = Call.open()) {
        outer.out().set(JAVA_LONG, 0, number);
        Thread.yield();
        try (var inner = Call.open()) {
          inner.out().set(JAVA_LONG, 0, -number);
          Thread.yield();
          assertEquals(-number, inner.outLong());
        }
        assertEquals(number, outer.outLong());
      }
    }
  }
}
