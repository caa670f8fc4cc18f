package io.github.oft4j;

import java.util.List;

/**
 * How {@link OFTModel#mergeAndUnload(MergeOptions)} merges.
 *
 * {@snippet :
 * ScriptModule merged = model.mergeAndUnload(MergeOptions.safe().adapters("style", "subject"));
 * }
 *
 * @param safeMerge refuse weights that are not finite
 * @param adapters merged in this order; null for the active ones
 * @param listener follows the job, layer by layer, and may cancel it; null for none
 */
public record MergeOptions(boolean safeMerge, List<String> adapters, ProgressListener listener) {
  /** Copies the list. */
  public MergeOptions {
    adapters = adapters == null ? null : List.copyOf(adapters);
  }

  /**
   * The active adapters, unchecked.
   *
   * @return the options of {@link OFTModel#mergeAndUnload()}
   */
  public static MergeOptions defaults() {
    return new MergeOptions(false, null, null);
  }

  /**
   * The active adapters; weights that are not finite are refused.
   *
   * @return new options
   */
  public static MergeOptions safe() {
    return new MergeOptions(true, null, null);
  }

  /**
   * These options but for the adapters.
   *
   * @param names merged in this order
   * @return new options
   */
  public MergeOptions adapters(String... names) {
    return new MergeOptions(safeMerge, List.of(names), listener);
  }

  /**
   * These options but for the listener.
   *
   * @param listener called on the thread that merges
   * @return new options
   */
  public MergeOptions progress(ProgressListener listener) {
    return new MergeOptions(safeMerge, adapters, listener);
  }
}
