package io.github.oft4j;

/** Follows a job, and may cancel it. */
@FunctionalInterface
public interface ProgressListener {
  /**
   * Reports how far the job is, in its own unit: bytes for a {@link CheckpointMerge}, layers for
   * {@link OFTModel#mergeAndUnload(MergeOptions)}. Called on the thread that runs the job, at least
   * once; the last call of a job that succeeds has {@code done} equal to {@code total}.
   *
   * <p>An exception cancels the job, too, and is rethrown to whoever started it.
   *
   * @param done so far
   * @param total in all
   * @return true to go on; false to cancel with an {@link OFTCancelledException}, which leaves
   *     nothing behind
   */
  boolean onProgress(long done, long total);
}
