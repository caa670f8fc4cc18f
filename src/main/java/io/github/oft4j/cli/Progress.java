package io.github.oft4j.cli;

import java.io.PrintStream;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how far a job is. */
sealed interface Progress extends AutoCloseable {
  /** What is done, and in which unit it is counted. */
  enum Job {
    /** Counts bytes. */
    MERGE("oft merge", "merging", " MB", 1_000_000) {
      @Override
      String amount(long done, long total) {
        return ByteSize.format(done) + " of " + ByteSize.format(total);
      }
    },
    /** Counts bytes. */
    EXTRACT("oft extract", "comparing", " MB", 1_000_000) {
      @Override
      String amount(long done, long total) {
        return MERGE.amount(done, total);
      }
    },
    /** Counts steps. */
    TRAIN("oft train", "training", " steps", 1) {
      @Override
      String amount(long done, long total) {
        return "step " + done + " of " + total;
      }
    };

    private final String command;
    private final String task;
    private final String unit;
    private final long unitSize;

    Job(String command, String task, String unit, long unitSize) {
      this.command = command;
      this.task = task;
      this.unit = unit;
      this.unitSize = unitSize;
    }

    abstract String amount(long done, long total);
  }

  /**
   * Tells how far the job is.
   *
   * @param note what else to show, for example the loss; may be empty
   */
  void update(long done, long total, String note);

  @Override
  void close();

  /** A bar on a terminal, lines elsewhere, nothing where a program reads. */
  static Progress of(Job job, Session session, boolean silent) {
    if (silent) {
      return new Silent();
    }
    return session.terminal()
        ? new Bar(job, session.err())
        : new Lines(job, session.err(), System::nanoTime);
  }

  /** Shows nothing. */
  final class Silent implements Progress {
    @Override
    public void update(long done, long total, String note) {}

    @Override
    public void close() {}
  }

  /** Redraws one line. */
  final class Bar implements Progress {
    private static final int COLUMNS = 79; // asking the terminal would cost a process
    private static final int REDRAW_MILLIS = 100;

    private final ProgressBar bar;

    Bar(Job job, PrintStream err) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(job.task)
              .setConsumer(new ConsoleProgressBarConsumer(err, COLUMNS))
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(REDRAW_MILLIS)
              .setUnit(job.unit, job.unitSize)
              .showSpeed()
              .build();
    }

    @Override
    public void update(long done, long total, String note) {
      bar.maxHint(total);
      bar.stepTo(done);
      bar.setExtraMessage(note);
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
  final class Lines implements Progress {
    private static final long NANOS_BETWEEN = 1_000_000_000;
    private static final int STEP_PERCENT = 10;

    private final Job job;
    private final PrintStream err;
    private final LongSupplier nanoClock;
    private long lastTime;
    private long lastPercent;

    Lines(Job job, PrintStream err, LongSupplier nanoClock) {
      this.job = job;
      this.err = err;
      this.nanoClock = nanoClock;
      lastTime = nanoClock.getAsLong();
    }

    @Override
    public void update(long done, long total, String note) {
      long percent = total == 0 ? 100 : (long) (100.0 * done / total);
      long time = nanoClock.getAsLong();
      boolean ended = percent == 100 && lastPercent > 0 && lastPercent < 100;
      boolean due = percent - lastPercent >= STEP_PERCENT && time - lastTime >= NANOS_BETWEEN;
      if (ended || due) {
        err.printf(
            Locale.ROOT,
            "%s: %d %% (%s)%s%n",
            job.command,
            percent,
            job.amount(done, total),
            note.isEmpty() ? "" : ", " + note);
        lastPercent = percent;
        lastTime = time;
      }
    }

    @Override
    public void close() {}
  }
}
