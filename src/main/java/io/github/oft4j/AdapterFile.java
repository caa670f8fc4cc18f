package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeConfig;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * An adapter: a configuration, and parameters for each layer.
 *
 * <p>Reads folders that PEFT 0.14 to 0.21 wrote and files by LyCORIS, kohya sd-scripts and
 * OneTrainer, and writes what PEFT 0.21 reads without a warning. The configuration of a file of
 * another maker than PEFT is made up from its layers. Any number of threads may use one, but none
 * while another calls {@link #put}.
 */
public final class AdapterFile extends NativeObject {
  /**
   * What an adapter holds for one layer.
   *
   * @param name the layer's path in the base model; another maker than PEFT may have put
   *     underscores for dots, which merging and checking resolve
   * @param isEmbedding whether the parameters are those of an embedding
   * @param side which dimension of the weight is turned
   * @param component the part of a pipeline that the file says the layer is in, such as {@code
   *     "unet"}; empty where it says nothing
   * @param factors how many rotations make up the layer's: more than 1 for layers fused from
   *     several, and for butterflies
   * @param rows of the first factor's parameters: the number of blocks, or 1 with {@code
   *     block_share}
   * @param blockSize edge of a block of the first factor
   * @param dtype element type of the parameters, as libtorch names it
   */
  public record Layer(
      String name,
      boolean isEmbedding,
      Side side,
      String component,
      long factors,
      long rows,
      long blockSize,
      String dtype) {
    static Layer of(JsonNode json) {
      return new Layer(
          json.get("name").textValue(),
          json.get("is_embedding").booleanValue(),
          Side.ofJsonName(json.get("side").textValue()),
          json.get("component").textValue(),
          json.get("factors").longValue(),
          json.get("rows").longValue(),
          json.get("block_size").longValue(),
          json.get("dtype").textValue());
    }
  }

  private final Collection<Object> anchors;

  private AdapterFile(OFTScope scope, NativeHandle handle, Collection<Object> anchors) {
    super(scope, handle);
    this.anchors = anchors;
  }

  /**
   * Reads an adapter. The tensors are mapped into memory, not read.
   *
   * @param scope its owner
   * @param path a folder with {@code adapter_config.json} and {@code adapter_model.safetensors} or
   *     {@code adapter_model.bin}; or a file by LyCORIS, kohya sd-scripts or OneTrainer, or the
   *     folder that holds just it
   * @return a new adapter
   * @throws OFTNotFoundException where a file is missing
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTParseException where a file is malformed
   * @throws OFTArgumentException where tensors and configuration disagree, or tensors of several
   *     makers are mixed
   * @throws OFTUnsupportedException for adapters of PEFT 0.13 or older, and of other methods
   */
  public static AdapterFile load(OFTScope scope, Path path) {
    try (var call = Call.open()) {
      var text = call.path(path);
      call.check(OftC.oft_adapter_load(text.data(), text.size(), call.out(), call.error()));
      return adopt(call, scope, "AdapterFile " + path);
    }
  }

  /**
   * An adapter without layers.
   *
   * @param scope its owner
   * @param config written with it
   * @return a new adapter
   */
  public static AdapterFile create(OFTScope scope, OFTConfig config) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_adapter_create(
              NativeConfig.parseFile(call, config.text()), call.out(), call.error()));
      return adopt(call, scope, "AdapterFile");
    }
  }

  /**
   * Adds a layer, or replaces its parameters. Not safe beside other uses of the adapter.
   *
   * @param layer the layer's path in the base model
   * @param q {@code [rows, b(b-1)/2]} as {@link Rotation#of} takes it; shared, not copied
   * @throws OFTArgumentException where {@code q} and the configuration disagree
   */
  public void put(String layer, Tensor q) {
    put(layer, false, q);
  }

  /**
   * Adds an embedding, or replaces its parameters. Not safe beside other uses of the adapter.
   *
   * @param layer the embedding's path in the base model
   * @param q {@code [rows, b(b-1)/2]} as {@link Rotation#of} takes it; shared, not copied
   * @throws OFTArgumentException where {@code q} and the configuration disagree
   */
  public void putEmbedding(String layer, Tensor q) {
    put(layer, true, q);
  }

  /**
   * Writes {@code adapter_config.json} and {@code adapter_model.safetensors}, each atomically.
   *
   * @param folder made where it does not exist
   * @throws OFTIOException where the operating system refuses to write
   * @throws OFTUnsupportedException for what the format has no place for: row scales other than 1
   *     (PEFT 0.14 and 0.15, LyCORIS), rotations of outputs, convolutions by OneTrainer
   */
  public void save(Path folder) {
    try (var call = Call.open()) {
      var text = call.path(folder);
      call.check(OftC.oft_adapter_save(call.lease(handle), text.data(), text.size(), call.error()));
    }
  }

  /**
   * What wrote the adapter.
   *
   * @return for example {@code "PEFT 0.21.0"}
   */
  public String maker() {
    return json().get("maker").textValue();
  }

  /**
   * The configuration.
   *
   * @return with PEFT's defaults of the file's version for keys that the file lacks
   */
  public OFTConfig config() {
    try (var call = Call.open()) {
      call.check(OftC.oft_adapter_config(call.lease(handle), call.out(), call.error()));
      var config = call.own(NativeType.CONFIG);
      return ConfigJson.read(NativeConfig.json(call, config), NativeConfig.warnings(call, config));
    }
  }

  /**
   * What the adapter holds for each layer.
   *
   * @return by name; a snapshot
   */
  public List<Layer> layers() {
    return Json.list(json().get("layers"), Layer::of);
  }

  /**
   * Base parameters that the adapter replaces as a whole: modules to save, biases and saved
   * embeddings.
   *
   * @return names of parameters in the base model
   */
  public List<String> replacements() {
    return Json.strings(json().get("replacements"));
  }

  /**
   * Tensors of the file that no field of the configuration announces, or, in a file of another
   * maker than PEFT, that are not understood.
   *
   * @return their keys
   */
  public List<String> unusedKeys() {
    return Json.strings(json().get("unused_keys"));
  }

  /**
   * What reading found odd.
   *
   * @return one sentence each
   */
  public List<String> warnings() {
    return Json.strings(json().get("warnings"));
  }

  /**
   * The rotation of one layer.
   *
   * @param layer the layer's path in the base model
   * @param features the dimension to be rotated
   * @return a new rotation, in this adapter's scope
   * @throws OFTNotFoundException where the adapter has no such layer; names the nearest ones
   * @throws OFTArgumentException where the blocks do not fit
   */
  public Rotation rotation(String layer, long features) {
    try (var call = Call.open()) {
      var name = call.utf8(layer);
      call.check(
          OftC.oft_adapter_rotation(
              call.lease(handle), name.data(), name.size(), features, call.out(), call.error()));
      return Rotation.adopt(call, scope(), features, anchors);
    }
  }

  private void put(String layer, boolean isEmbedding, Tensor q) {
    try (var call = Call.open()) {
      var name = call.utf8(layer);
      call.check(
          OftC.oft_adapter_put(
              call.lease(handle),
              name.data(),
              name.size(),
              isEmbedding ? 1 : 0,
              call.lease(q.handle),
              call.error()));
      if (q.handle.anchor() != null) {
        anchors.add(q.handle.anchor());
      }
    }
  }

  private JsonNode json() {
    try (var call = Call.open()) {
      var adapter = call.lease(handle);
      return Json.parse(
          call.text(
              (buffer, capacity, outSize, outError) ->
                  OftC.oft_adapter_to_json(adapter, buffer, capacity, outSize, outError)));
    }
  }

  /** Takes the new adapter in the call's out-parameter. */
  static AdapterFile adopt(Call call, OFTScope scope, String label) {
    var anchors = new ConcurrentLinkedQueue<Object>();
    var handle = new NativeHandle(call.outPointer(), NativeType.ADAPTER, label, 0, anchors);
    return new AdapterFile(scope, scope.own(handle), anchors);
  }
}
