package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Merges adapters into the weights of a checkpoint without a model in memory: tensors stream
 * through a few buffers, those that no adapter touches are copied by the kernel. The target appears
 * whole or not at all.
 *
 * {@snippet :
 * CheckpointMerge.of(Path.of("model"))
 *     .adapter(Path.of("adapter"))
 *     .safe()
 *     .writeTo(Path.of("merged"));
 * }
 *
 * <p>All components of a diffusers pipeline are merged in one run; what no adapter is for, and
 * every other file, is carried along:
 *
 * {@snippet :
 * CheckpointMerge.of(Path.of("stable-diffusion"))
 *     .adapter("text_encoder", Path.of("text-adapter"))
 *     .adapter("unet", Path.of("unet-adapter"))
 *     .writeTo(Path.of("merged"));
 * }
 *
 * <p>Base and adapters may also be names of models in the local cache of huggingface_hub, {@code
 * Path.of("org/name")} or {@code Path.of("org/name@revision")}, where no such path exists. Nothing
 * is downloaded.
 *
 * <p>Not safe from several threads at once; different jobs do not disturb each other.
 */
public final class CheckpointMerge {
  /** An adapter and its component; empty: the one that it fits. */
  private record Adapter(String component, Path path) {
    Adapter {
      Objects.requireNonNull(component, "component");
      Objects.requireNonNull(path, "path");
    }
  }

  private final Path base;
  private final List<Adapter> adapters = new ArrayList<>();
  private final ObjectNode options = Json.object();
  private ProgressListener listener;

  private CheckpointMerge(Path base) {
    this.base = Objects.requireNonNull(base, "base");
  }

  /**
   * A job without adapters yet. Nothing is read.
   *
   * @param base a {@code .safetensors} file, a folder with a model in one file or in shards, or a
   *     diffusers pipeline
   * @return the job
   */
  public static CheckpointMerge of(Path base) {
    return new CheckpointMerge(base);
  }

  /**
   * Adds an adapter; for a pipeline, one for the only component that has a weight for each of its
   * layers. Several for one model apply in the order of a forward: the first one rotates the input
   * first.
   *
   * @param path a folder with {@code adapter_config.json}, or a file of another maker
   * @return this
   */
  public CheckpointMerge adapter(Path path) {
    return adapter("", path);
  }

  /**
   * Adds an adapter for a component of a pipeline. Several apply in the order of a forward.
   *
   * @param component its folder's name: {@code "text_encoder"}, {@code "unet"}, ...; empty for the
   *     only one that the adapter fits
   * @param path as for {@link #adapter(Path)}
   * @return this
   */
  public CheckpointMerge adapter(String component, Path path) {
    adapters.add(new Adapter(component, path));
    return this;
  }

  /**
   * Refuses weights that are not finite after rounding.
   *
   * @return this
   */
  public CheckpointMerge safe() {
    options.put("safe", true);
    return this;
  }

  /**
   * Goes on where an adapter layer has no base weight, where an adapter holds unused keys, and
   * where the target exists.
   *
   * @return this
   */
  public CheckpointMerge force() {
    options.put("force", true);
    return this;
  }

  /**
   * Recomputes a sample of the layers in float64 and compares. Where they differ too much, the
   * target is not written, and {@link MergeReport#verified} is false.
   *
   * @return this
   */
  public CheckpointMerge verify() {
    options.put("verify", true);
    return this;
  }

  /**
   * Converts all floating-point tensors written. Without it each keeps its own type.
   *
   * @param dtype a floating-point type
   * @return this
   */
  public CheckpointMerge dtype(DType dtype) {
    options.put("dtype", dtype.torchName());
    return this;
  }

  /**
   * Sets where rotations are computed.
   *
   * @param device as libtorch names it; {@code "cpu"} by default
   * @return this
   */
  public CheckpointMerge device(String device) {
    options.put("device", Objects.requireNonNull(device, "device"));
    return this;
  }

  /**
   * Sets where rotations are computed.
   *
   * @param device {@link Device#cpu} by default
   * @return this
   */
  public CheckpointMerge device(Device device) {
    return device(device.toString());
  }

  /**
   * Sets how many threads rotate.
   *
   * @param threads 0, the default, or too many: as many as libtorch has
   * @return this
   */
  public CheckpointMerge threads(int threads) {
    options.put("threads", threads);
    return this;
  }

  /**
   * Writes shards of a new size.
   *
   * @param bytes largest size of a file; 0, the default, keeps the shards of the base
   * @return this
   */
  public CheckpointMerge maxShardSize(long bytes) {
    options.put("max_shard_size", bytes);
    return this;
  }

  /**
   * Sets whether the files are forced to the disk before the target appears.
   *
   * @param sync true by default
   * @return this
   */
  public CheckpointMerge sync(boolean sync) {
    options.put("sync", sync);
    return this;
  }

  /**
   * Sets who follows the job.
   *
   * @param listener called on the thread that calls {@link #writeTo}
   * @return this
   */
  public CheckpointMerge progress(ProgressListener listener) {
    this.listener = Objects.requireNonNull(listener, "listener");
    return this;
  }

  /**
   * Runs the job.
   *
   * @param target a file where the base is one, else a folder, which receives everything else of
   *     the base's folder, too
   * @return what was done
   * @throws OFTNotFoundException where a path or a file in it does not exist
   * @throws OFTParseException where a file is malformed
   * @throws OFTArgumentException where adapters, components and weights do not fit, an option is
   *     out of range, or a result is not finite and {@link #safe} was asked for
   * @throws OFTUnsupportedException for adapters of PEFT 0.13 or older, and of other methods
   * @throws OFTIOException where the operating system refuses to read or to write
   * @throws OFTDeviceException where the device does not exist
   * @throws OFTCancelledException where the listener asked to stop
   */
  public MergeReport writeTo(Path target) {
    try (var call = Call.open()) {
      var path = call.path(base);
      call.check(
          OftC.oft_checkpoint_merge_create(path.data(), path.size(), call.out(), call.error()));
      var merge = call.own(NativeType.CHECKPOINT_MERGE);
      for (Adapter adapter : adapters) {
        var component = call.utf8(adapter.component());
        var adapterPath = call.path(adapter.path());
        call.check(
            OftC.oft_checkpoint_merge_component_adapter(
                merge,
                component.data(),
                component.size(),
                adapterPath.data(),
                adapterPath.size(),
                call.error()));
      }
      var json = call.utf8(Json.text(options));
      call.check(OftC.oft_checkpoint_merge_options(merge, json.data(), json.size(), call.error()));

      var guard = ListenerGuard.of(listener);
      var folder = call.path(target);
      int status =
          OftC.oft_checkpoint_merge_run(
              merge, folder.data(), folder.size(), call.progress(guard), call.none(), call.error());
      ListenerGuard.check(call, status, guard);
      return MergeReport.of(
          call.text(
              (buffer, capacity, outSize, outError) ->
                  OftC.oft_checkpoint_merge_report(merge, buffer, capacity, outSize, outError)));
    }
  }
}
