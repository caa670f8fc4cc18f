package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {
  @ParameterizedTest
  @ValueSource(strings = {"cpu", "cuda", "cuda:0", "cuda:12", "mps", "meta"})
  void textRoundTrips(String text) {
    assertEquals(text, Device.parse(text).toString());
  }

  @Test
  void factoriesEqualWhatIsParsed() {
    assertEquals(Device.cpu(), Device.parse("cpu"));
    assertEquals(Device.cuda(3), Device.parse("cuda:3"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "cpu:", "cuda:-1", "CUDA:0", "cuda:0 ", "cuda:9999999999"})
  void malformedTextIsRefused(String text) {
    assertThrows(OFTArgumentException.class, () -> Device.parse(text));
  }

  @Test
  void aNegativeIndexIsRefused() {
    assertThrows(OFTArgumentException.class, () -> Device.cuda(-2));
  }
}
