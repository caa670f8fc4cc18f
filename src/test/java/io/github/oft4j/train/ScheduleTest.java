package io.github.oft4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.OFTArgumentException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleTest {
  /** What {@code transformers.get_*_schedule_with_warmup} gives for 4 warm-up steps of 20. */
  @ParameterizedTest
  @CsvSource({
    "CONSTANT, 0, 0",
    "CONSTANT, 3, 0.75",
    "CONSTANT, 4, 1",
    "CONSTANT, 19, 1",
    "LINEAR, 0, 0",
    "LINEAR, 1, 0.25",
    "LINEAR, 4, 1",
    "LINEAR, 12, 0.5",
    "LINEAR, 19, 0.0625",
    "LINEAR, 20, 0",
    "COSINE, 2, 0.5",
    "COSINE, 4, 1",
    "COSINE, 8, 0.8535533905932737",
    "COSINE, 12, 0.5",
    "COSINE, 19, 0.00960735979838478",
    "COSINE, 20, 0"
  })
  void isThatOfTransformers(Schedule.Decay decay, long step, double factor) {
    assertEquals(factor, new Schedule(decay, 4, 0).factor(step, 20), 1e-15);
    assertEquals(factor, new Schedule(decay, 0, 0.2).factor(step, 20), 1e-15);
  }

  @Test
  void aWarmupOfARatioIsRoundedUp() {
    assertEquals(1.0 / 3, Schedule.constant().warmupRatio(0.21).factor(1, 10), 1e-15);
  }

  @Test
  void aWarmupAsLongAsTheTrainingEndsIt() {
    assertEquals(0.9, Schedule.linear().warmupSteps(10).factor(9, 10), 1e-15);
    assertEquals(0, Schedule.linear().warmupSteps(10).factor(10, 10), 1e-15);
  }

  @Test
  void refusesWarmupsThatCannotBe() {
    assertMessage("-1 steps", () -> Schedule.linear().warmupSteps(-1));
    assertMessage("1.5", () -> Schedule.linear().warmupRatio(1.5));
    assertMessage("NaN", () -> Schedule.linear().warmupRatio(Double.NaN));
    assertMessage("either", () -> new Schedule(Schedule.Decay.LINEAR, 3, 0.5));
  }

  private static void assertMessage(String part, Runnable call) {
    String message = assertThrows(OFTArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(part), message);
  }
}
