package io.github.oft4j.cli;

import java.io.PrintStream;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how far a merge is. */
sealed interface MergeProgress extends AutoCloseable {
  void update(long doneBytes, long totalBytes);

  @Override
  void close();

  /** A bar on a terminal, lines elsewhere, nothing where a program reads. */
  static MergeProgress of(Session session, boolean silent) {
    if (silent) {
      return new Silent();
    }
    return session.terminal() ? new Bar(session.err()) : new Lines(session.err(), System::nanoTime);
  }

  /** Shows nothing. */
  final class Silent implements MergeProgress {
    @Override
    public void update(long doneBytes, long totalBytes) {}

    @Override
    public void close() {}
  }

  /** Redraws one line. */
  final class Bar implements MergeProgress {
    private static final int COLUMNS = 79; // asking the terminal would cost a process
    private static final int REDRAW_MILLIS = 100;
    private static final long MEGABYTE = 1_000_000;

    private final ProgressBar bar;

    Bar(PrintStream err) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("merging")
              .setConsumer(new ConsoleProgressBarConsumer(err, COLUMNS))
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(REDRAW_MILLIS)
              .setUnit(" MB", MEGABYTE)
              .showSpeed()
              .build();
    }

    @Override
    public void update(long doneBytes, long totalBytes) {
      bar.maxHint(totalBytes);
      bar.stepTo(doneBytes);
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  /**
   * Writes a line every tenth of the way, but no two in a second: none for a short job. Where there
   * were lines, one tells the end.
   */
  final class Lines implements MergeProgress {
    private static final long NANOS_BETWEEN = 1_000_000_000;
    private static final int STEP_PERCENT = 10;

    private final PrintStream err;
    private final LongSupplier nanoClock;
    private long lastTime;
    private long lastPercent;

    Lines(PrintStream err, LongSupplier nanoClock) {
      this.err = err;
      this.nanoClock = nanoClock;
      lastTime = nanoClock.getAsLong();
    }

    @Override
    public void update(long doneBytes, long totalBytes) {
      long percent = totalBytes == 0 ? 100 : (long) (100.0 * doneBytes / totalBytes);
      long time = nanoClock.getAsLong();
      boolean ended = percent == 100 && lastPercent > 0 && lastPercent < 100;
      boolean due = percent - lastPercent >= STEP_PERCENT && time - lastTime >= NANOS_BETWEEN;
      if (ended || due) {
        err.printf(
            Locale.ROOT,
            "oft merge: %d %% (%s of %s)%n",
            percent,
            ByteSize.format(doneBytes),
            ByteSize.format(totalBytes));
        lastPercent = percent;
        lastTime = time;
      }
    }

    @Override
    public void close() {}
  }
}
