package io.github.oft4j.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTDeviceException;
import io.github.oft4j.OFTException;
import io.github.oft4j.OFTIOException;
import io.github.oft4j.OFTInternalException;
import io.github.oft4j.OFTLibraryException;
import io.github.oft4j.OFTMemoryException;
import io.github.oft4j.OFTNotFoundException;
import io.github.oft4j.OFTParseException;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.OFTUnsupportedException;
import io.github.oft4j.internal.ffm.OftC;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StatusTest {
  private static final Map<Integer, Class<? extends OFTException>> CLASSES =
      Map.ofEntries(
          Map.entry(OftC.OFT_STATUS_INVALID_ARGUMENT(), OFTArgumentException.class),
          Map.entry(OftC.OFT_STATUS_INVALID_STATE(), OFTStateException.class),
          Map.entry(OftC.OFT_STATUS_NOT_FOUND(), OFTNotFoundException.class),
          Map.entry(OftC.OFT_STATUS_IO(), OFTIOException.class),
          Map.entry(OftC.OFT_STATUS_PARSE(), OFTParseException.class),
          Map.entry(OftC.OFT_STATUS_UNSUPPORTED(), OFTUnsupportedException.class),
          Map.entry(OftC.OFT_STATUS_OUT_OF_MEMORY(), OFTMemoryException.class),
          Map.entry(OftC.OFT_STATUS_DEVICE(), OFTDeviceException.class),
          Map.entry(OftC.OFT_STATUS_INTERNAL(), OFTInternalException.class),
          Map.entry(OftC.OFT_STATUS_CANCELLED(), OFTCancelledException.class));

  @Test
  void everyCategoryHasItsException() {
    CLASSES.forEach(
        (status, type) -> {
          OFTException exception = Status.exception(status, "what happened");
          assertSame(type, exception.getClass());
          assertEquals(status, exception.status());
          assertEquals("what happened", exception.getMessage());
        });
  }

  @Test
  void aCategoryOfALaterLibraryIsAPlainException() {
    OFTException exception = Status.exception(-99, "what happened");
    assertSame(OFTException.class, exception.getClass());
    assertEquals(-99, exception.status());
  }

  @Test
  void anotherAbiVersionIsRefusedNamingBoth() {
    NativeLibrary.checkVersion(OftC.OFT_ABI_VERSION());
    var thrown = assertThrows(OFTLibraryException.class, () -> NativeLibrary.checkVersion(4711));
    assertTrue(thrown.getMessage().contains("4711"), thrown.getMessage());
    assertTrue(
        thrown.getMessage().contains("version " + OftC.OFT_ABI_VERSION()), thrown.getMessage());
  }
}
