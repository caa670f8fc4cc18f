package io.github.oft4j;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.NativeConfig;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.List;

/**
 * A live model and its OFT adapters, as PEFT's class of this name.
 *
 * {@snippet :
 * try (var scope = OFTScope.open()) {
 *   var base = ScriptModule.load(scope, Path.of("encoder.pt"));
 *   var config = OFTConfig.builder().targetModules("query", "value").oftBlockSize(32).build();
 *   var model = OFTModel.create(base, config, "default");
 *   model.train();
 *   try (var optimizer = Optimizer.adamW(model.trainableParameters(), 1e-3)) {
 *     for (Batch batch : batches) {
 *       try (var step = scope.child()) {
 *         var loss = model.forward(step.tensor(batch.x())).crossEntropy(step.tensor(batch.y()));
 *         optimizer.zeroGrad();
 *         loss.backward();
 *         optimizer.step();
 *       }
 *     }
 *   }
 *   model.savePretrained(Path.of("adapter"));
 *   model.mergeAndUnload(MergeOptions.safe()).save(Path.of("merged.pt"));
 * }
 * }
 *
 * <p>The base module stays as it is. A model starts in evaluation mode; gradients are recorded
 * exactly in training mode. Every change is whole or not at all: on an error the model is as
 * before.
 *
 * <p>Any number of threads may run the model and change its adapters meanwhile: a forward sees the
 * adapters of one moment. Only steps of an {@link Optimizer}, which write parameters in place, must
 * not run beside other uses.
 *
 * <p>Methods that take the name of an adapter throw {@link OFTNotFoundException}, listing those
 * that exist, where it is unknown, and all but {@link #info} throw {@link OFTStateException} once
 * the model was {@linkplain #unload unloaded}.
 */
public final class OFTModel extends OFTModelView implements AutoCloseable {
  private static final String DEFAULT_NAME = "default";
  private static final int NO_AUTOCAST = -1;

  private final Object disabling = new Object();
  private int disabledDepth; // guarded by disabling
  private boolean enabledBefore; // guarded by disabling
  private volatile boolean training;

  private OFTModel(OFTScope scope, NativeHandle handle) {
    super(scope, handle);
  }

  /**
   * A model with one adapter, {@code "default"}, which is active.
   *
   * @param base stays as it is
   * @param config the adapter's
   * @return a new model, in the scope of {@code base}
   * @throws OFTArgumentException where the configuration matches no layer, or does not fit one
   * @throws OFTUnsupportedException where the module is frozen, or a layer cannot be rotated
   */
  public static OFTModel create(ScriptModule base, OFTConfig config) {
    return create(base, config, DEFAULT_NAME);
  }

  /**
   * A model with one adapter, which is active.
   *
   * @param base stays as it is
   * @param config the adapter's
   * @param adapterName its name
   * @return a new model, in the scope of {@code base}
   * @throws OFTArgumentException where the configuration matches no layer, or does not fit one
   * @throws OFTUnsupportedException where the module is frozen, or a layer cannot be rotated
   */
  public static OFTModel create(ScriptModule base, OFTConfig config, String adapterName) {
    return create(base, config, adapterName, OFTModelOptions.defaults());
  }

  /**
   * A model with one adapter, which is active.
   *
   * @param base stays as it is
   * @param config the adapter's
   * @param adapterName its name
   * @param options of the model
   * @return a new model, in the scope of {@code base}
   * @throws OFTArgumentException where the configuration matches no layer, or does not fit one
   * @throws OFTUnsupportedException where the module is frozen, or a layer cannot be rotated
   */
  public static OFTModel create(
      ScriptModule base, OFTConfig config, String adapterName, OFTModelOptions options) {
    try (var call = Call.open()) {
      var name = call.utf8(adapterName);
      var json = call.utf8(options.json());
      var nativeConfig = NativeConfig.parseFile(call, config.text());
      call.check(
          OftC.oft_model_create(
              call.lease(base.handle),
              nativeConfig,
              name.data(),
              name.size(),
              json.data(),
              json.size(),
              call.out(),
              call.error()));
      return adopt(call, base);
    }
  }

  /**
   * A model with an adapter from a file, {@code "default"}, which is active and does not train.
   *
   * @param base stays as it is
   * @param path a file or folder that {@link AdapterFile#load} reads
   * @return a new model, in the scope of {@code base}
   * @throws OFTException as {@link #create(ScriptModule, OFTConfig, String)} and {@link
   *     AdapterFile#load} do
   */
  public static OFTModel fromPretrained(ScriptModule base, Path path) {
    return fromPretrained(base, path, DEFAULT_NAME, false, OFTModelOptions.defaults());
  }

  /**
   * A model with an adapter from a file, which is active.
   *
   * @param base stays as it is
   * @param path a file or folder that {@link AdapterFile#load} reads
   * @param adapterName the adapter's name in the model
   * @param isTrainable whether it trains
   * @param options of the model
   * @return a new model, in the scope of {@code base}
   * @throws OFTException as {@link #create(ScriptModule, OFTConfig, String)} and {@link
   *     AdapterFile#load} do
   */
  public static OFTModel fromPretrained(
      ScriptModule base,
      Path path,
      String adapterName,
      boolean isTrainable,
      OFTModelOptions options) {
    try (var call = Call.open()) {
      var folder = call.path(path);
      var name = call.utf8(adapterName);
      var json = call.utf8(options.json());
      call.check(
          OftC.oft_model_from_pretrained(
              call.lease(base.handle),
              folder.data(),
              folder.size(),
              name.data(),
              name.size(),
              isTrainable ? 1 : 0,
              json.data(),
              json.size(),
              call.out(),
              call.error()));
      return adopt(call, base);
    }
  }

  /**
   * Adds an inactive adapter. Merged layers are unmerged first.
   *
   * @param name new
   * @param config the adapter's
   * @throws OFTArgumentException where the name exists, is empty or holds a dot, and where the
   *     configuration does not fit
   */
  public void addAdapter(String name, OFTConfig config) {
    addAdapter(name, config, false);
  }

  /**
   * Adds an inactive adapter. Merged layers are unmerged first.
   *
   * @param name new
   * @param config the adapter's
   * @param lowCpuMemUsage whether its parameters wait for {@link #loadAdapter(Path, String)}
   * @throws OFTArgumentException where the name exists, is empty or holds a dot, and where the
   *     configuration does not fit
   */
  public void addAdapter(String name, OFTConfig config, boolean lowCpuMemUsage) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      var nativeConfig = NativeConfig.parseFile(call, config.text());
      call.check(
          OftC.oft_model_add_adapter(
              call.lease(handle),
              text.data(),
              text.size(),
              nativeConfig,
              lowCpuMemUsage ? 1 : 0,
              call.error()));
    }
  }

  /**
   * Reads an adapter into a new, inactive one that does not train, or into one that exists, whose
   * parameters it replaces at once and whose strength stays.
   *
   * @param path a file or folder that {@link AdapterFile#load} reads
   * @param name the adapter's name in the model
   * @throws OFTArgumentException listing layers that the file or the model lacks
   * @throws OFTException as {@link AdapterFile#load} does
   */
  public void loadAdapter(Path path, String name) {
    loadAdapter(path, name, false);
  }

  /**
   * Reads an adapter into a new, inactive one, or into one that exists, whose parameters it
   * replaces at once and whose strength stays.
   *
   * <p>Adapters of other makers than PEFT have no configuration: they are used in the layers that
   * the file names, and do not train. Of a file for several components of a pipeline the one is
   * taken whose layers are all in this model and fit it.
   *
   * @param path a file or folder that {@link AdapterFile#load} reads
   * @param name the adapter's name in the model
   * @param isTrainable whether it trains
   * @throws OFTArgumentException listing layers that the file or the model lacks, or the components
   *     of which none or several are for this model
   * @throws OFTUnsupportedException where it is to be trained and cannot be
   * @throws OFTException as {@link AdapterFile#load} does
   */
  public void loadAdapter(Path path, String name, boolean isTrainable) {
    try (var call = Call.open()) {
      var folder = call.path(path);
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_load_adapter(
              call.lease(handle),
              folder.data(),
              folder.size(),
              text.data(),
              text.size(),
              isTrainable ? 1 : 0,
              0,
              call.error()));
    }
  }

  /**
   * Writes adapters as PEFT does: {@code "default"} into the folder, others into a folder of their
   * name inside it. They are saved as they are at strength 1.
   *
   * @param folder made where it does not exist
   * @param names which adapters; none for all
   * @throws OFTIOException where the operating system refuses to write
   * @throws OFTUnsupportedException with nothing written, for an adapter that PEFT's format has no
   *     place for
   */
  public void savePretrained(Path folder, String... names) {
    try (var call = Call.open()) {
      var path = call.path(folder);
      var json = call.utf8OrNone(namesOrNone(names));
      call.check(
          OftC.oft_model_save_pretrained(
              call.lease(handle),
              path.data(),
              path.size(),
              json.data(),
              json.size(),
              call.error()));
    }
  }

  /**
   * Makes these adapters the active ones, applied in this order, in forwards and in merges. Merged
   * layers are unmerged first.
   *
   * @param names at least one
   * @throws OFTArgumentException where two of them replace the same parameter
   */
  public void setAdapter(String... names) {
    try (var call = Call.open()) {
      var json = call.utf8(json(List.of(names)));
      call.check(
          OftC.oft_model_set_adapter(call.lease(handle), json.data(), json.size(), call.error()));
    }
  }

  /**
   * Lets an adapter turn by {@code strength} times its angles: a rotation R becomes R^strength,
   * which stays orthogonal. 0 is the base, 1 (as at first) the adapter itself, and a negative
   * strength turns the other way. What the adapter replaces (biases, {@code modules_to_save}) is
   * replaced whole.
   *
   * <p>A forward sees the old strength or the new one. If the adapter is merged, merged layers are
   * unmerged first; a merge is at the strength of its moment. With another strength than 1 an
   * adapter that trains can only run in evaluation mode and without gradients.
   *
   * @param name which
   * @param strength how much of it
   * @throws OFTArgumentException unless {@code strength} is finite
   */
  public void setAdapterStrength(String name, double strength) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_set_adapter_strength(
              call.lease(handle), text.data(), text.size(), strength, call.error()));
    }
  }

  /**
   * Removes an adapter. Where it was active alone, the first that remains becomes so.
   *
   * @param name which
   * @throws OFTStateException while it is merged
   */
  public void deleteAdapter(String name) {
    try (var call = Call.open()) {
      var text = call.utf8(name);
      call.check(
          OftC.oft_model_delete_adapter(
              call.lease(handle), text.data(), text.size(), call.error()));
    }
  }

  /** Lets the model compute what its base computes, until {@link #enableAdapter}. */
  public void disableAdapter() {
    enable(false);
  }

  /** Lets the model apply its active adapters again. */
  public void enableAdapter() {
    enable(true);
  }

  /**
   * Lets the model compute what its base computes while the result is open. Several may be open at
   * once; the last one closed makes the model as it was before the first.
   *
   * {@snippet :
   * try (var off = model.disabledAdapter()) {
   *   reference = model.forward(x);
   * }
   * }
   *
   * @return to be closed
   */
  public DisabledAdapter disabledAdapter() {
    synchronized (disabling) {
      if (disabledDepth == 0) {
        enabledBefore = isEnabled();
        disableAdapter();
      }
      disabledDepth++;
    }
    return new DisabledAdapter(this);
  }

  /**
   * Merges adapters into the weights, on top of those merged already; {@link #mergeAdapter(List,
   * boolean)} that does not check.
   *
   * @param names merged in this order; none for the active ones
   */
  public void mergeAdapter(String... names) {
    mergeAdapter(names.length == 0 ? null : List.of(names), false);
  }

  /**
   * Merges adapters into the weights, on top of those merged already.
   *
   * @param names merged in this order; null for the active ones
   * @param safeMerge refuse weights that are not finite
   * @throws OFTArgumentException where {@code safeMerge} refuses
   */
  public void mergeAdapter(List<String> names, boolean safeMerge) {
    try (var call = Call.open()) {
      var json = call.utf8OrNone(jsonOrNone(names));
      call.check(
          OftC.oft_model_merge_adapter(
              call.lease(handle), json.data(), json.size(), safeMerge ? 1 : 0, call.error()));
    }
  }

  /**
   * Takes merged adapters out of the weights again; exactly to the bit, unless {@link
   * OFTModelOptions#keepBaseWeights} is off.
   */
  public void unmergeAdapter() {
    try (var call = Call.open()) {
      call.check(OftC.oft_model_unmerge_adapter(call.lease(handle), call.error()));
    }
  }

  /**
   * The base with the active adapters merged in; {@link #mergeAndUnload(MergeOptions)} that does
   * not check.
   *
   * @return a new module in the scope of this model, free of any trace of adapters
   */
  public ScriptModule mergeAndUnload() {
    return mergeAndUnload(MergeOptions.defaults());
  }

  /**
   * The base with adapters merged in. This model cannot be used afterwards.
   *
   * @param options which adapters, whether safely, and who follows
   * @return a new module in the scope of this model, free of any trace of adapters
   * @throws OFTArgumentException where a weight is not finite and the merge is to be safe
   * @throws OFTCancelledException where the listener asked to stop; the model is as before
   */
  public ScriptModule mergeAndUnload(MergeOptions options) {
    try (var call = Call.open()) {
      var json = call.utf8OrNone(jsonOrNone(options.adapters()));
      var guard = ListenerGuard.of(options.listener());
      int status =
          OftC.oft_model_merge_and_unload(
              call.lease(handle),
              json.data(),
              json.size(),
              options.safeMerge() ? 1 : 0,
              call.progress(guard),
              call.none(),
              call.out(),
              call.error());
      ListenerGuard.check(call, status, guard);
      return ScriptModule.adopt(call, scope(), "merged " + this);
    }
  }

  /**
   * The base without adapters; merged weights stay merged. This model cannot be used afterwards.
   *
   * @return a new module in the scope of this model, free of any trace of adapters
   */
  public ScriptModule unload() {
    try (var call = Call.open()) {
      call.check(OftC.oft_model_unload(call.lease(handle), call.out(), call.error()));
      return ScriptModule.adopt(call, scope(), "base of " + this);
    }
  }

  /**
   * Runs the base's {@code forward} with the active adapters, where it returns one tensor.
   *
   * @param args positional arguments
   * @return in the youngest scope among the model's and the arguments'
   * @throws OFTArgumentException where arguments do not fit the method, or the result is no tensor
   */
  public Tensor forward(Object... args) {
    return forward(ForwardOptions.defaults(), args);
  }

  /**
   * Runs the base's {@code forward}, where it returns one tensor.
   *
   * @param options how it differs from the usual
   * @param args positional arguments
   * @return in the youngest scope among the model's and the arguments'
   * @throws OFTArgumentException where arguments do not fit the method, or the result is no tensor
   */
  public Tensor forward(ForwardOptions options, Object... args) {
    try (var call = Call.open()) {
      return invoke(call, options, args).tensorResult("forward of", this);
    }
  }

  /**
   * Runs the base's {@code forward}, whatever it returns.
   *
   * @param options how it differs from the usual
   * @param args positional arguments
   * @return as {@link ScriptModule#call}
   * @throws OFTArgumentException where arguments do not fit the method
   */
  public Object call(ForwardOptions options, Object... args) {
    try (var call = Call.open()) {
      return invoke(call, options, args).result();
    }
  }

  /** Switches dropout and the like on, of the base and of adapters, and gradients. */
  public void train() {
    train(true);
  }

  /** Switches dropout and the like off, and gradients. */
  public void eval() {
    train(false);
  }

  /**
   * The mode of this model.
   *
   * @return true in training mode
   */
  public boolean isTraining() {
    return training;
  }

  void leaveDisabled() {
    synchronized (disabling) {
      if (--disabledDepth == 0 && enabledBefore) {
        enableAdapter();
      }
    }
  }

  private static OFTModel adopt(Call call, ScriptModule base) {
    OFTScope scope = base.scope();
    var handle =
        new NativeHandle(call.outPointer(), NativeType.MODEL, "OFTModel of " + base, 0, null);
    return new OFTModel(scope, scope.own(handle));
  }

  private void enable(boolean on) {
    try (var call = Call.open()) {
      call.check(OftC.oft_model_enable_adapter(call.lease(handle), on ? 1 : 0, call.error()));
    }
  }

  private void train(boolean on) {
    try (var call = Call.open()) {
      call.check(OftC.oft_model_train(call.lease(handle), on ? 1 : 0, call.error()));
      training = on;
    }
  }

  private Operands invoke(Call call, ForwardOptions options, Object[] args) {
    boolean recordGrad = options.recordGrad() == null ? training : options.recordGrad();
    var operands = new Operands(call, scope());
    var values = operands.values(args);
    var kwargs = operands.kwargs(options.kwargs());
    var names = call.utf8OrNone(jsonOrNone(options.adapters()));
    call.check(
        OftC.oft_model_forward(
            call.lease(handle),
            values.array(),
            values.size(),
            kwargs.single(),
            names.data(),
            names.size(),
            recordGrad ? 1 : 0,
            options.autocast() == null ? NO_AUTOCAST : options.autocast().code(),
            call.out(),
            call.error()));
    return operands;
  }

  private static String namesOrNone(String... names) {
    return names.length == 0 ? null : json(List.of(names));
  }

  private static String jsonOrNone(List<String> names) {
    return names == null ? null : json(names);
  }

  private static String json(List<String> names) {
    var array = JsonNodeFactory.instance.arrayNode();
    names.forEach(array::add);
    return Json.text(array);
  }
}
