package io.github.oft4j.cli;

/** A part of {@code oft bench}, as the native program names it. */
enum BenchWork {
  MERGE,
  CAYLEY,
  FORWARD,
  TRAIN,
  JOB,
  UNET,
  STARTUP,
  ALL;

  /** Reads its word. */
  static final class Name extends Choice<BenchWork> {
    Name() {
      super(BenchWork.class);
    }
  }
}
