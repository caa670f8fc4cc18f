package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.NativeValues;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A TorchScript module, traced or scripted, as {@code torch.jit.save} writes it and DJL serves it.
 *
 * {@snippet :
 * try (var scope = OFTScope.open()) {
 *   var encoder = ScriptModule.load(scope, Path.of("encoder.pt"));
 *   encoder.eval();
 *   float[] vector = encoder.forward(scope.tensor(tokens)).toFloatArray();
 * }
 * }
 *
 * <p>Arguments and results may be tensors, numbers, booleans, strings, lists, maps, {@link Tuple}s
 * and null; results join the youngest scope among the module's and the arguments'. Gradients are
 * recorded exactly in training mode, {@link OFTModel} has finer control.
 *
 * <p>Any number of threads may run a module, but none while another calls {@link #train} or {@link
 * #eval}. Whether the module's own code can bear several threads is up to its author.
 */
public final class ScriptModule extends NativeObject implements AutoCloseable {
  private static final int AS_SAVED = -1;

  private volatile Boolean training; // asked for when first needed

  private ScriptModule(OFTScope scope, NativeHandle handle) {
    super(scope, handle);
  }

  /**
   * Loads a file to the processor, its parameters as they were saved.
   *
   * @param scope its owner
   * @param path a file of {@code torch.jit.save}
   * @return a new module, in the mode that it was saved in
   * @throws OFTNotFoundException where there is no such file
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTParseException where the file is malformed
   * @throws OFTUnsupportedException for files of {@code torch.save}, {@code .safetensors} and the
   *     like, which hold no code
   */
  public static ScriptModule load(OFTScope scope, Path path) {
    return load(scope, path, Device.cpu(), null);
  }

  /**
   * Loads a file.
   *
   * @param scope its owner
   * @param path a file of {@code torch.jit.save}
   * @param device where parameters and buffers are to be
   * @param dtype type of floating-point parameters and buffers; null for that of the file
   * @return a new module, in the mode that it was saved in
   * @throws OFTNotFoundException where there is no such file
   * @throws OFTIOException where the operating system refuses to read
   * @throws OFTParseException where the file is malformed
   * @throws OFTUnsupportedException for files of {@code torch.save}, {@code .safetensors} and the
   *     like, which hold no code
   * @throws OFTDeviceException where there is no such device
   */
  public static ScriptModule load(OFTScope scope, Path path, Device device, DType dtype) {
    try (var call = Call.open()) {
      var file = call.path(path);
      var place = call.utf8(device.toString());
      call.check(
          OftC.oft_script_load(
              file.data(),
              file.size(),
              place.data(),
              place.size(),
              code(dtype),
              call.out(),
              call.error()));
      return adopt(call, scope, "ScriptModule " + path);
    }
  }

  /**
   * Loads the bytes of a file to the processor, its parameters as they were saved.
   *
   * @param scope its owner
   * @param bytes what {@code torch.jit.save} wrote
   * @return a new module, in the mode that it was saved in
   * @throws OFTParseException where the bytes are malformed
   */
  public static ScriptModule fromBytes(OFTScope scope, byte[] bytes) {
    return fromBytes(scope, ByteBuffer.wrap(bytes), Device.cpu(), null);
  }

  /**
   * Loads the bytes of a file.
   *
   * @param scope its owner
   * @param bytes what {@code torch.jit.save} wrote, between position and limit; free again
   *     afterwards. A direct buffer saves a copy
   * @param device where parameters and buffers are to be
   * @param dtype type of floating-point parameters and buffers; null for that of the file
   * @return a new module, in the mode that it was saved in
   * @throws OFTParseException where the bytes are malformed
   * @throws OFTDeviceException where there is no such device
   */
  public static ScriptModule fromBytes(
      OFTScope scope, ByteBuffer bytes, Device device, DType dtype) {
    try (var call = Call.open()) {
      var place = call.utf8(device.toString());
      call.check(
          OftC.oft_script_load_bytes(
              call.bytes(bytes),
              bytes.remaining(),
              place.data(),
              place.size(),
              code(dtype),
              call.out(),
              call.error()));
      return adopt(call, scope, "ScriptModule of " + bytes.remaining() + " bytes");
    }
  }

  /**
   * Runs the method {@code forward} where it returns one tensor.
   *
   * @param args positional arguments
   * @return its result
   * @throws OFTArgumentException where arguments do not fit the method, or the result is no tensor
   */
  public Tensor forward(Object... args) {
    try (var call = Call.open()) {
      var operands = new Operands(call, scope());
      invoke(call, "forward", operands.values(args), NativeValues.NONE);
      return operands.tensorResult("forward of", this);
    }
  }

  /**
   * Runs a method.
   *
   * @param method for example {@code "forward"}
   * @param args positional arguments
   * @param kwargs keyword arguments
   * @return a {@link Tensor}, {@link Long}, {@link Double}, {@link Boolean}, {@link String}, {@link
   *     List}, {@link Map}, {@link Tuple} or null
   * @throws OFTNotFoundException where there is no such method
   * @throws OFTArgumentException where arguments do not fit the method
   */
  public Object call(String method, List<?> args, Map<String, ?> kwargs) {
    try (var call = Call.open()) {
      var operands = new Operands(call, scope());
      invoke(call, method, operands.values(args), operands.kwargs(kwargs));
      return operands.result();
    }
  }

  /**
   * The methods that can be called.
   *
   * @return their names
   */
  public List<String> methods() {
    return Json.strings(json().get("methods"));
  }

  /**
   * The modules inside, as {@link OFTConfig#match} takes them.
   *
   * @return all but this one, parents first
   */
  public List<ModelLayers.Layer> modules() {
    return Json.list(
        json().get("modules"),
        module ->
            new ModelLayers.Layer(
                module.get("name").textValue(),
                LayerKind.ofJsonName(module.get("kind").textValue()),
                module.get("class_name").textValue()));
  }

  /**
   * The parameters of this module and those inside.
   *
   * @return a tied one under each of its names
   */
  public List<ParameterInfo> parameters() {
    return Json.list(json().get("parameters"), ParameterInfo::of);
  }

  /**
   * The buffers of this module and those inside.
   *
   * @return running means and the like
   */
  public List<ParameterInfo> buffers() {
    return Json.list(json().get("buffers"), ParameterInfo::of);
  }

  /**
   * A parameter or buffer.
   *
   * @param name its path
   * @return shares memory with the module, and belongs to its scope (see {@link Tensor#in})
   * @throws OFTNotFoundException where there is none of this name
   */
  public Tensor parameter(String name) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_script_tensor(
              call.lease(handle), text.data(), text.size(), call.out(), call.error()));
      return Tensor.adopt(call, scope(), null);
    }
  }

  /** Switches dropout and the like on, and gradients. Not safe beside other uses. */
  public void train() {
    train(true);
  }

  /** Switches dropout and the like off, and gradients. Not safe beside other uses. */
  public void eval() {
    train(false);
  }

  /**
   * The mode of this module.
   *
   * @return true in training mode
   */
  public boolean isTraining() {
    Boolean known = training;
    if (known == null) {
      known = json().get("training").booleanValue();
      training = known;
    }
    return known;
  }

  /**
   * Writes the module as {@code torch.jit.save} does, atomically.
   *
   * @param file replaced where it exists
   * @throws OFTIOException where the operating system refuses to write
   */
  public void save(Path file) {
    try (var call = Call.open()) {
      var text = call.path(file);
      call.check(OftC.oft_script_save(call.lease(handle), text.data(), text.size(), call.error()));
    }
  }

  /** Takes the new module in the call's out-parameter. */
  static ScriptModule adopt(Call call, OFTScope scope, String label) {
    var handle = new NativeHandle(call.outPointer(), NativeType.SCRIPT, label, 0, null);
    return new ScriptModule(scope, scope.own(handle));
  }

  private void train(boolean on) {
    try (var call = Call.open()) {
      call.check(OftC.oft_script_train(call.lease(handle), on ? 1 : 0, call.error()));
      training = on;
    }
  }

  private void invoke(Call call, String method, NativeValues values, NativeValues kwargs) {
    int recordGrad = isTraining() ? 1 : 0;
    var name = call.name(method);
    call.check(
        OftC.oft_script_call(
            call.lease(handle),
            name.data(),
            name.size(),
            values.array(),
            values.size(),
            kwargs.single(),
            recordGrad,
            call.out(),
            call.error()));
  }

  private JsonNode json() {
    try (var call = Call.open()) {
      call.check(OftC.oft_script_to_json(call.lease(handle), call.out(), call.error()));
      return Json.parse(call.takeText());
    }
  }

  private static int code(DType dtype) {
    return dtype == null ? AS_SAVED : dtype.code();
  }
}
