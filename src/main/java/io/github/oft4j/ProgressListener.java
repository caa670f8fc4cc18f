package io.github.oft4j;

/** Follows a job, and may cancel it. */
@FunctionalInterface
public interface ProgressListener {
  /**
   * Reports how far the job is. Called on the thread that runs it, at least once, at most every few
   * milliseconds; the last call of a job that succeeds has {@code doneBytes} equal to {@code
   * totalBytes}.
   *
   * <p>An exception cancels the job, too, and is rethrown to whoever started it.
   *
   * @param doneBytes bytes written so far
   * @param totalBytes bytes to write
   * @return true to go on; false to cancel with an {@link OFTCancelledException}, which leaves
   *     nothing behind
   */
  boolean onProgress(long doneBytes, long totalBytes);
}
