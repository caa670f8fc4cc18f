package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class NaturalOrderTest {
  @Test
  void numbersCompareByValue() {
    var names =
        List.of(
            "",
            "2",
            "a",
            "a.2",
            "a.2.fc",
            "a.02.fx",
            "a.10",
            "a.1234567890123456789012",
            "a.b",
            "b");
    var sorted = new ArrayList<>(names.reversed());
    sorted.sort(new NaturalOrder());
    assertEquals(names, sorted);
  }

  @Test
  void onlyEqualNamesAreEqual() {
    var order = new NaturalOrder();
    assertEquals(0, order.compare("h.1", "h.1"));
    assertEquals(-1, Integer.signum(order.compare("h.01", "h.1")));
    assertEquals(1, Integer.signum(order.compare("h.1", "h.01")));
  }
}
