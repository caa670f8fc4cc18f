package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private static final long MEGABYTE = 1_000_000;
  private static final long MILLISECOND = 1_000_000;

  private final ByteArrayOutputStream written = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(written, true, StandardCharsets.UTF_8);

  @Test
  void aLongJobWritesALineEveryTenth() {
    List<String> lines = linesOfJob(400);
    assertEquals(10, lines.size(), lines::toString);
    assertEquals("oft merge: 10 % (10.0 MB of 100.0 MB)", lines.getFirst());
    assertEquals("oft merge: 100 % (100.0 MB of 100.0 MB)", lines.getLast());
  }

  @Test
  void aMediumJobWritesALineASecondAtMost() {
    List<String> lines = linesOfJob(35);
    assertEquals(
        List.of(
            "oft merge: 29 % (29.0 MB of 100.0 MB)",
            "oft merge: 58 % (58.0 MB of 100.0 MB)",
            "oft merge: 87 % (87.0 MB of 100.0 MB)",
            "oft merge: 100 % (100.0 MB of 100.0 MB)"),
        lines);
  }

  @Test
  void aShortJobWritesNothing() {
    assertEquals(List.of(), linesOfJob(1));
  }

  @Test
  void anEmptyJobWritesNothing() {
    try (var lines = new Progress.Lines(Progress.Job.MERGE, err, () -> 0)) {
      lines.update(0, 0, "");
    }
    assertEquals("", text());
  }

  @Test
  void aTrainingCountsStepsAndTellsTheLoss() {
    var clock = new AtomicLong();
    try (var lines = new Progress.Lines(Progress.Job.TRAIN, err, clock::get)) {
      clock.addAndGet(2_000 * MILLISECOND);
      lines.update(20, 100, "loss 0.25");
    }
    assertEquals("oft train: 20 % (step 20 of 100), loss 0.25", text().strip());
  }

  @Test
  void aTerminalGetsABarOfOneLine() {
    try (var bar =
        Progress.of(Progress.Job.MERGE, new Session(null, err, true, new Interruption()), false)) {
      bar.update(50 * MEGABYTE, 100 * MEGABYTE, "");
      bar.update(100 * MEGABYTE, 100 * MEGABYTE, "");
    }
    assertTrue(text().contains("100/100 MB"), text());
    assertTrue(text().contains("\r"), text());
    text().lines().forEach(line -> assertTrue(line.length() < 80, line));
  }

  @Test
  void aProgramGetsNothing() {
    try (var silent =
        Progress.of(Progress.Job.MERGE, new Session(null, err, true, new Interruption()), true)) {
      silent.update(1, 2, "");
    }
    assertEquals("", text());
  }

  /** The lines of a job of 100 MB that reports every megabyte. */
  private List<String> linesOfJob(long millisecondsPerMegabyte) {
    var clock = new AtomicLong();
    try (var lines = new Progress.Lines(Progress.Job.MERGE, err, clock::get)) {
      for (int done = 1; done <= 100; done++) {
        clock.addAndGet(millisecondsPerMegabyte * MILLISECOND);
        lines.update(done * MEGABYTE, 100 * MEGABYTE, "");
      }
    }
    return text().lines().toList();
  }

  private String text() {
    return written.toString(StandardCharsets.UTF_8);
  }
}
