package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.ffm.OftC;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What a model tells of itself. */
abstract sealed class OFTModelView extends NativeObject permits OFTModel {
  OFTModelView(OFTScope scope, NativeHandle handle) {
    super(scope, handle);
  }

  /**
   * What an {@link Optimizer} is to step: of each active adapter that trains one tensor for each
   * block size, which holds the parameters of all layers, and the tensors that it replaces.
   *
   * @return share memory with the model, and belong to its scope
   */
  public List<Tensor> trainableParameters() {
    return List.copyOf(namedTrainableParameters().values());
  }

  /**
   * The {@link #trainableParameters} by name.
   *
   * @return share memory with the model, and belong to its scope
   */
  public Map<String, Tensor> namedTrainableParameters() {
    var parameters = new LinkedHashMap<String, Tensor>();
    for (String name : info().trainableNames()) {
      parameters.put(name, parameter(name));
    }
    return parameters;
  }

  /**
   * What adapters learn for each layer, all adapters in PEFT's format together.
   *
   * @return parts of the {@link #trainableParameters} and their gradients; share memory with the
   *     model, and belong to its scope
   */
  public List<LayerParameter> layerParameters() {
    return info().layers().stream()
        .flatMap(layer -> layer.parameter().stream())
        .map(name -> new LayerParameter(name, parameter(name), gradient(name)))
        .toList();
  }

  /**
   * One of the {@link #namedTrainableParameters} or of the {@link #layerParameters}. It is written
   * by {@link Tensor#copyFrom}, so that the model notices.
   *
   * @param name for example {@code fc1.oft_R.default.weight}
   * @return shares memory with the model, and belongs to its scope (see {@link Tensor#in})
   * @throws OFTNotFoundException where there is none of this name
   */
  public Tensor parameter(String name) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_parameter(
              call.lease(handle), text.data(), text.size(), call.out(), call.none(), call.error()));
      return Tensor.adopt(call, scope(), null);
    }
  }

  /**
   * The names of all adapters.
   *
   * @return in the order in which they came
   */
  public List<String> adapterNames() {
    return info().adapters().stream().map(OFTModelInfo.Adapter::name).toList();
  }

  /**
   * The names of the adapters that a forward applies.
   *
   * @return in the order of application
   */
  public List<String> activeAdapters() {
    return info().active();
  }

  /**
   * The names of the adapters that are in the weights.
   *
   * @return in the order in which they were merged
   */
  public List<String> mergedAdapters() {
    return info().merged();
  }

  /**
   * Whether adapters are applied.
   *
   * @return false after {@link OFTModel#disableAdapter} and while a {@link
   *     OFTModel#disabledAdapter} is open
   */
  public boolean isEnabled() {
    return info().enabled();
  }

  /**
   * How much of an adapter is applied.
   *
   * @param name which
   * @return 1, unless {@link OFTModel#setAdapterStrength} has set it
   */
  public double adapterStrength(String name) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_adapter_strength(
              call.lease(handle), text.data(), text.size(), call.out(), call.error()));
      return call.outDouble();
    }
  }

  /**
   * A copy of an adapter, as it would be saved.
   *
   * @param name which
   * @return in the scope of this model
   */
  public AdapterFile adapter(String name) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_adapter(
              call.lease(handle), text.data(), text.size(), call.out(), call.error()));
      return AdapterFile.adopt(call, scope(), "AdapterFile of adapter " + name);
    }
  }

  /**
   * What the model holds at this moment.
   *
   * @return a snapshot
   */
  public OFTModelInfo info() {
    return OFTModelInfo.of(json());
  }

  /**
   * How much of the model trains, as PEFT writes it.
   *
   * @return for example {@code trainable params: 1,234 || all params: 56,789 || trainable%: 2.1730}
   */
  public String trainableParametersText() {
    OFTModelInfo info = info();
    return String.format(
        Locale.ROOT,
        "trainable params: %,d || all params: %,d || trainable%%: %.4f",
        info.trainableParameters(),
        info.allParameters(),
        100.0 * info.trainableParameters() / info.allParameters());
  }

  /** Prints {@link #trainableParametersText} to the standard output. */
  public void printTrainableParameters() {
    System.out.println(trainableParametersText());
  }

  private Optional<Tensor> gradient(String name) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_parameter(
              call.lease(handle),
              text.data(),
              text.size(),
              call.unwanted(NativeType.TENSOR),
              call.out(),
              call.error()));
      return Tensor.adoptNullable(call, scope());
    }
  }

  private String json() {
    try (var call = Call.open()) {
      call.check(OftC.oft_model_to_json(call.lease(handle), call.out(), call.error()));
      return call.takeText();
    }
  }
}
