package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeConfig;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Finds the OFT adapter that comes nearest to taking one checkpoint to another: for each block the
 * rotation that minimises {@code ||W' - W Rᵀ||_F} (orthogonal Procrustes problem). One layer is in
 * memory at a time.
 *
 * <p>Not safe from several threads at once.
 */
public final class AdapterExtract {
  private final Path base;
  private final Path tuned;
  private final OFTConfig config;
  private final ObjectNode options = Json.object();
  private ProgressListener listener;

  private AdapterExtract(Path base, Path tuned, OFTConfig config) {
    this.base = Objects.requireNonNull(base, "base");
    this.tuned = Objects.requireNonNull(tuned, "tuned");
    this.config = Objects.requireNonNull(config, "config");
  }

  /**
   * An extraction, not run yet.
   *
   * @param base the model before
   * @param tuned the same model after
   * @param config {@code r} or {@code oft_block_size}, and which layers: all whose weights differ
   *     where it has no target modules. Exact Cayley without COFT
   * @return the extraction
   */
  public static AdapterExtract of(Path base, Path tuned, OFTConfig config) {
    return new AdapterExtract(base, tuned, config);
  }

  /**
   * Names the part of two pipelines to compare.
   *
   * @param component a folder of both
   * @return this
   */
  public AdapterExtract component(String component) {
    options.put("component", Objects.requireNonNull(component, "component"));
    return this;
  }

  /**
   * Sets the type of the parameters.
   *
   * @param dtype a floating-point type; float32 by default
   * @return this
   */
  public AdapterExtract dtype(DType dtype) {
    options.put("dtype", dtype.torchName());
    return this;
  }

  /**
   * Sets who follows the job, which counts bytes of the base.
   *
   * @param listener called on the thread that calls {@link #extract}
   * @return this
   */
  public AdapterExtract progress(ProgressListener listener) {
    this.listener = Objects.requireNonNull(listener, "listener");
    return this;
  }

  /**
   * Compares the checkpoints.
   *
   * @param scope owns the result
   * @return an adapter in memory, and how well it explains the change
   * @throws OFTNotFoundException where a path or a file in it does not exist
   * @throws OFTParseException where a file is malformed
   * @throws OFTArgumentException for a configuration with COFT or a Neumann series, where no
   *     targeted layer differs, where weights are not finite
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTCancelledException where the listener asked to stop
   */
  public ExtractedAdapter extract(OFTScope scope) {
    try (var call = Call.open()) {
      var basePath = call.path(base);
      var tunedPath = call.path(tuned);
      var json = call.utf8(Json.text(options));
      var guard = ListenerGuard.of(listener);
      int status =
          OftC.oft_extract_adapter(
              basePath.data(),
              basePath.size(),
              tunedPath.data(),
              tunedPath.size(),
              NativeConfig.parse(call, config.text()),
              json.data(),
              json.size(),
              call.progress(guard),
              call.none(),
              call.out(),
              call.secondOut(),
              call.error());
      ListenerGuard.check(call, status, guard);
      var report = ExtractReport.of(call.takeSecondText());
      return new ExtractedAdapter(AdapterFile.adopt(call, scope, "AdapterFile, extracted"), report);
    }
  }
}
