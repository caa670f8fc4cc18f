package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.internal.NativeHandle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Scopes over objects that are not native. */
class OFTScopeTest {
  private final List<Long> destroyed = Collections.synchronizedList(new ArrayList<>());

  private NativeHandle handle(long address) {
    return new NativeHandle(
        MemorySegment.ofAddress(address), destroyed::add, "Thing " + address, 0, null);
  }

  @Test
  void closeDestroysTheYoungestFirst() {
    var scope = OFTScope.open();
    scope.own(handle(1));
    scope.own(handle(2));
    assertEquals(List.of(), destroyed);
    scope.close();
    assertEquals(List.of(2L, 1L), destroyed);
    assertFalse(scope.isOpen());
  }

  @Test
  void closeIsIdempotent() {
    var scope = OFTScope.open();
    scope.own(handle(1));
    scope.close();
    scope.close();
    assertEquals(List.of(1L), destroyed);
  }

  @Test
  void childrenAreClosedWithTheParentAndBeforeIt() {
    var parent = OFTScope.open();
    parent.own(handle(1));
    var child = parent.child();
    child.own(handle(2));
    var grandchild = child.child();
    grandchild.own(handle(3));
    parent.close();
    assertEquals(List.of(3L, 2L, 1L), destroyed);
    assertFalse(child.isOpen());
    assertFalse(grandchild.isOpen());
  }

  @Test
  void aClosedChildLeavesTheParentOpen() {
    try (var parent = OFTScope.open()) {
      try (var child = parent.child()) {
        child.own(handle(2));
      }
      assertEquals(List.of(2L), destroyed);
      parent.own(handle(1));
    }
    assertEquals(List.of(2L, 1L), destroyed);
  }

  @Test
  void aClosedScopeTakesNothingAndDestroysWhatItIsGiven() {
    var scope = OFTScope.open();
    scope.close();
    var thrown = assertThrows(OFTStateException.class, () -> scope.own(handle(1)));
    assertEquals("the OFTScope is closed: open another one", thrown.getMessage());
    assertEquals(List.of(1L), destroyed);
    assertThrows(OFTStateException.class, scope::child);
  }

  @Test
  void anObjectMovesToAnotherScope() {
    try (var target = OFTScope.open()) {
      try (var source = OFTScope.open()) {
        source.state().move(source.own(handle(1)), target.state());
      }
      assertEquals(List.of(), destroyed);
    }
    assertEquals(List.of(1L), destroyed);
  }

  @Test
  void movingToAClosedScopeDestroysTheObject() {
    var target = OFTScope.open();
    target.close();
    try (var source = OFTScope.open()) {
      var handle = source.own(handle(1));
      assertThrows(OFTStateException.class, () -> source.state().move(handle, target.state()));
      assertEquals(List.of(1L), destroyed);
    }
    assertEquals(List.of(1L), destroyed);
  }

  @Test
  void theYoungestScopeIsTheOneOpenedLast() {
    try (var a = OFTScope.open();
        var b = OFTScope.open();
        var childOfA = a.child()) {
      assertSame(b, OFTScope.youngest(a, b));
      assertSame(b, OFTScope.youngest(b, a));
      assertSame(childOfA, OFTScope.youngest(childOfA, b));
    }
  }

  @Test
  void aViewDiesWithItsScopeAndKeepsTheObjectSoLong() {
    try (var arena = Arena.ofConfined()) {
      var memory = arena.allocate(ValueLayout.JAVA_INT);
      var source = OFTScope.open();
      var target = OFTScope.open();
      var handle = source.own(handle(1));
      var view = source.state().view(handle, memory, memory.byteSize());
      view.set(ValueLayout.JAVA_INT, 0, 42);
      source.state().move(handle, target.state());
      assertEquals(42, memory.get(ValueLayout.JAVA_INT, 0));

      target.close();
      assertEquals(List.of(), destroyed);
      source.close();
      assertEquals(List.of(1L), destroyed);
      assertThrows(IllegalStateException.class, () -> view.get(ValueLayout.JAVA_INT, 0));
    }
  }

  @Test
  @Timeout(60)
  void closeDoesNotWaitForAThreadThatReadsAViewInASystemCall() throws Exception {
    int size = 1 << 20; // more than a pipe takes
    try (var arena = Arena.ofShared()) {
      var memory = arena.allocate(size);
      var scope = OFTScope.open();
      var view = scope.state().view(scope.own(handle(1)), memory, size);
      Pipe pipe = Pipe.open();
      var writer = CompletableFuture.supplyAsync(() -> write(pipe, view));
      int read = pipe.source().read(ByteBuffer.allocate(1)); // the writer is inside its call now
      scope.close();
      assertFalse(scope.isOpen());
      assertEquals(List.of(), destroyed);

      var buffer = ByteBuffer.allocate(size);
      while (read < size) {
        read += pipe.source().read(buffer);
      }
      assertEquals(size, writer.join());
      while (destroyed.isEmpty()) {
        Thread.onSpinWait();
      }
      assertEquals(List.of(1L), destroyed);
      pipe.sink().close();
      pipe.source().close();
    }
  }

  private static int write(Pipe pipe, MemorySegment content) {
    try {
      return pipe.sink().write(content.asByteBuffer());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  @Timeout(60)
  void anUnreachableScopeIsClosedByTheGarbageCollector() throws InterruptedException {
    forgetScopeAndChild();
    while (destroyed.size() < 2) {
      System.gc();
      Thread.sleep(10);
    }
    assertTrue(destroyed.containsAll(List.of(1L, 2L)));
  }

  private void forgetScopeAndChild() {
    var scope = OFTScope.open();
    scope.own(handle(1));
    scope.child().own(handle(2));
  }

  @Test
  void aReachableChildKeepsItsParentOpen() throws InterruptedException {
    var child = openChildOfForgottenParent();
    for (int i = 0; i < 5; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertTrue(child.isOpen());
    assertEquals(List.of(), destroyed);
    child.close();
  }

  private OFTScope openChildOfForgottenParent() {
    var parent = OFTScope.open();
    parent.own(handle(1));
    return parent.child();
  }
}
