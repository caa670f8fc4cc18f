package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Scopes that nobody closes, in a process of their own. */
class ForgottenScopeTest {
  private static final String WARNING =
      "an OFTScope that owned 1 native object(s) was never closed";

  private static ChildJvm child() {
    return new ChildJvm()
        .option("--enable-native-access=ALL-UNNAMED")
        .option("-Doft4j.library=" + System.getProperty("oft4j.library"));
  }

  /** Forgets one scope, and waits until its tensor is gone. */
  static final class ForgetOne {
    public static void main(String[] args) throws InterruptedException {
      forget(4);
      while (OFT.liveHandles() > 0) {
        System.gc();
        Thread.sleep(10);
      }
    }
  }

  /** Forgets 400 scopes on an almost empty heap; prints how many were alive at once. */
  static final class ForgetMany {
    public static void main(String[] args) {
      long most = 0;
      for (int i = 0; i < 400; i++) {
        forget(4 << 20);
        most = Math.max(most, OFT.liveHandles());
      }
      System.out.println("most alive: " + most);
    }
  }

  private static void forget(long bytes) {
    Tensor.zeros(OFTScope.open(), DType.UINT8, bytes);
  }

  @Test
  void theWarningTellsHowToFindTheScope() throws IOException {
    var result = child().run(ForgetOne.class);
    assertEquals(0, result.exitCode(), result.output());
    assertTrue(result.output().contains(WARNING), result.output());
    assertTrue(result.output().contains("-Doft4j.debug=true"), result.output());
    assertFalse(result.output().contains("ForgottenScopeTest.forget("), result.output());
  }

  @Test
  void theWarningNamesThePlaceWhenDebugging() throws IOException {
    var result = child().option("-Doft4j.debug=true").run(ForgetOne.class);
    assertEquals(0, result.exitCode(), result.output());
    assertTrue(result.output().contains(WARNING), result.output());
    assertTrue(result.output().contains("ForgottenScopeTest.forget("), result.output());
  }

  @Test
  void nativeMemoryProvokesCollections() throws IOException {
    long ofEight = 8 * (4L << 20);
    var result = child().option("-Doft4j.gcThreshold=" + ofEight).run(ForgetMany.class);
    assertEquals(0, result.exitCode(), result.output());
    var most = Pattern.compile("most alive: (\\d+)").matcher(result.output());
    assertTrue(most.find(), result.output());
    assertTrue(Integer.parseInt(most.group(1)) < 100, most.group());
  }
}
