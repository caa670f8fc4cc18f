package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Fails a test that leaves native objects behind. */
final class LeakCheck implements BeforeEachCallback, AfterEachCallback {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(LeakCheck.class);

  @Override
  public void beforeEach(ExtensionContext context) {
    context.getStore(NAMESPACE).put("handles", OFT.liveHandles());
  }

  @Override
  public void afterEach(ExtensionContext context) {
    long before = context.getStore(NAMESPACE).get("handles", Long.class);
    assertEquals(before, OFT.liveHandles(), "native objects alive after the test");
  }
}
