#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oft/adapter_file.hpp"
#include "oft/config.hpp"
#include "oft/export.hpp"
#include "oft/module_tree.hpp"
#include "oft/targets.hpp"

namespace oft {

struct OFTModelOptions {
  /// Adapter parameters exist only once `load_adapter` brings them.
  bool low_cpu_mem_usage = false;
  /// Keeps the base weights beside merged ones, so that unmerge is exact to the bit. Otherwise
  /// merged weights replace them, and unmerge multiplies by the inverse in float32 or better.
  bool keep_base_weights = true;
  /// At inference each set of adapters that runs gets merged weights of its own, computed once and
  /// kept until its parameters change: a forward costs what the base's costs, and to change sets
  /// costs nothing. Takes a copy of all target weights for each of the last 64 sets. Outputs are
  /// the unmerged ones within rounding, which for 16-bit weights is that of the weights.
  bool cache_merged_weights = false;
  /// What "all-linear" and default targets may know of the model.
  ModelFacts facts;
};

/// Called after each layer of a merge with layers done and all. Returns false to cancel.
using LayerProgress = std::function<bool(std::int64_t done, std::int64_t total)>;

struct MergeAndUnloadOptions {
  LayerProgress progress;
  bool safe_merge = false;
  /// In the order of application; those that are active where absent.
  std::optional<std::vector<std::string>> adapter_names;
};

struct LoadAdapterOptions {
  bool is_trainable = false;
  bool low_cpu_mem_usage = false;
};

/// While it lives, the model runs with the rotations of some adapters.
class OFT_EXPORT Activation {
 public:
  explicit Activation(std::shared_ptr<ModuleInstance> instance);
  ~Activation();
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;

  /// Runs a TorchScript model; see ModuleInstance::forward.
  c10::IValue forward(std::vector<c10::IValue> args, const Kwargs& kwargs = {}) const;

 private:
  std::shared_ptr<ModuleInstance> instance_;
};

/// `peft.OFTModel`: a live model and its OFT adapters.
///
///     auto model = oft::OFTModel(oft::nn_tree(net), config);
///     torch::optim::AdamW optimizer(model.trainable_parameters(), 1e-3);
///     { const auto active = model.activate(); loss = criterion(net->forward(x), y); }
///     loss.backward(); optimizer.step();
///
/// Every change is whole or not at all: on an error the model is as before. Any number of threads
/// may activate, and change adapters meanwhile: an activation sees the adapters of one moment. Only
/// steps of an optimizer, which write parameters in place, must not run beside other uses.
///
/// Methods that take an adapter's name throw Error(kNotFound), listing those that exist, where it
/// is unknown, and all of them Error(kInvalidState) after `merge_and_unload` or `unload`.
class OFT_EXPORT OFTModel {
 public:
  /// Adds the first adapter and activates it. Throws Error(kInvalidArgument) where the config
  /// matches nothing or does not fit (every layer is checked first), Error(kUnsupported) for a
  /// layer that cannot be rotated.
  OFTModel(std::shared_ptr<ModuleTree> model, const OFTConfig& config,
           const std::string& adapter_name = "default", const OFTModelOptions& options = {});

  /// The model with an adapter from a file or folder, active.
  static OFTModel from_pretrained(std::shared_ptr<ModuleTree> model,
                                  const std::filesystem::path& path,
                                  const std::string& adapter_name = "default",
                                  const LoadAdapterOptions& load = {},
                                  const OFTModelOptions& options = {});

  OFTModel(OFTModel&&) noexcept;
  OFTModel& operator=(OFTModel&&) noexcept;
  ~OFTModel();

  /// ------------------------------------------------------------------ adapters
  /// An inactive adapter. Throws Error(kInvalidArgument) for a name that exists, is empty or holds
  /// a dot or a slash. As in PEFT, merged layers are unmerged first.
  void add_adapter(const std::string& name, const OFTConfig& config,
                   bool low_cpu_mem_usage = false);

  /// Reads an adapter into a new, inactive one, or into one that exists, whose parameters it
  /// replaces at once. Those keep their tensors, so that an optimizer goes on with them, unless the
  /// file has other shapes: take trainable_parameters again then. Merged layers are unmerged first.
  /// Throws what AdapterFile::load throws, Error(kInvalidArgument) listing layers that the file or
  /// the model lacks, and Error(kUnsupported) for a row scale (PEFT 0.14-0.15) that is to be
  /// trained.
  ///
  /// Adapters of other makers, which turn outputs or have several factors a layer, have no config:
  /// they are used in the layers that the file names, by AdapterFile::resolve_names, and do not
  /// train (Error(kUnsupported)). Of a file for several components of a pipeline the one is taken
  /// whose layers are all in this model and fit it; Error(kInvalidArgument) listing them where none
  /// is, or several are.
  void load_adapter(const std::filesystem::path& path, const std::string& name,
                    const LoadAdapterOptions& options = {});
  void load_adapter(const AdapterFile& file, const std::string& name,
                    const LoadAdapterOptions& options = {});

  /// Writes adapters as PEFT does: "default" into the folder, others into a folder of their name
  /// inside it. All adapters where `names` is empty. They are saved at strength 1. Throws, with
  /// nothing written, Error(kUnsupported) for one that PEFT's format has no place for.
  void save_pretrained(const std::filesystem::path& folder,
                       const std::vector<std::string>& names = {}) const;

  /// Makes these the active ones, applied in this order; they train unless `inference_mode`.
  /// Merged layers are unmerged first. Throws Error(kInvalidArgument) where two of them replace the
  /// same parameter (biases, `modules_to_save`).
  void set_adapter(const std::vector<std::string>& names);

  /// Turns each plane of an adapter's rotations R by `strength` times its angle, R^strength, which
  /// stays orthogonal: 0 is the base, 1 (as at first) the adapter itself, a negative one turns the
  /// other way; a row scale s becomes 1 + strength (s - 1). See Rotation::power: at a strength
  /// other than 1 a Neumann series counts as the rotation nearest to it. What the adapter replaces
  /// (biases, `modules_to_save`) is replaced whole. As atomic as a switch; the powers are computed
  /// here, once. If the adapter is merged, merged layers are unmerged first; a merge is at the
  /// strength of its moment. Kept when parameters are loaded anew. Throws Error(kInvalidArgument)
  /// unless it is finite. With a strength other than 1 an adapter that trains can only run in
  /// evaluation mode and without gradients: `activate` throws Error(kInvalidState) otherwise.
  void set_adapter_strength(const std::string& name, double strength);
  double adapter_strength(const std::string& name) const;

  /// Removes an adapter. Where it was active alone, the first that remains becomes so. Throws
  /// Error(kInvalidState) while it is merged.
  void delete_adapter(const std::string& name);

  /// Without adapters the model computes what the base computes, biases and saved modules included.
  /// Error(kInvalidState) where base weights were not kept and adapters are merged.
  void disable_adapter();
  void enable_adapter();

  std::vector<std::string> adapter_names() const;
  std::vector<std::string> active_adapters() const;
  std::vector<std::string> merged_adapters() const;
  bool is_enabled() const;

  /// A copy of an adapter, as it would be saved.
  AdapterFile adapter(const std::string& name) const;

  /// ------------------------------------------------------------------- merging
  /// Merges adapters into the weights, in the order given (active ones where absent), as if after
  /// those merged already, which are left out. While any are merged, adapters that are active and
  /// not merged do not count, and nothing trains. With `safe_merge`, Error(kInvalidArgument) where
  /// a weight is not finite.
  void merge_adapter(const std::optional<std::vector<std::string>>& names = std::nullopt,
                     bool safe_merge = false);
  void unmerge_adapter();

  /// The base model with the adapters merged in and no trace of them (see
  /// ModuleTree::with_tensors). Throws Error(kCancelled) where `progress` says so.
  std::shared_ptr<ModuleTree> merge_and_unload(const MergeAndUnloadOptions& options = {});
  /// The base model; merged weights stay merged. As all that changes a torch::nn network itself, it
  /// waits for activations to end, and is Error(kInvalidState) where this thread holds one.
  std::shared_ptr<ModuleTree> unload();

  /// ------------------------------------------------------------------- running
  /// The model with these adapters, or the active ones. Named adapters count whatever is merged;
  /// Error(kInvalidState) where that takes base weights that were not kept. In training mode, or
  /// where this thread records gradients, rotations are computed anew, differentiably; else they
  /// are kept until the adapters' parameters change.
  Activation activate(const std::optional<std::vector<std::string>>& names = std::nullopt);

  /// Dropout and the like of the model, and `module_dropout` of its adapters. A model starts in
  /// evaluation mode.
  void train(bool on = true);
  bool is_training() const;

  /// ---------------------------------------------------------------- parameters
  /// What an optimizer is to step: of each active adapter one tensor [rows, b(b-1)/2] per block
  /// size, which holds the parameters of all layers, and the tensors it replaces.
  std::vector<at::Tensor> trainable_parameters() const;
  std::vector<NamedTensor> named_trainable_parameters() const;

  /// Of every adapter in PEFT's format, by PEFT's names: `fc1.oft_R.default.weight` [rows,
  /// b(b-1)/2], a view of the tensor above, and its gradient, undefined where there is none.
  struct LayerParameter {
    std::string name;
    at::Tensor value;
    at::Tensor grad;
  };
  std::vector<LayerParameter> layer_parameters() const;

  /// {"adapters": [{"name", "parameters", "trainable", "strength", "config"}...], "active",
  /// "merged", "enabled", "training", "layers": [{"name", "kind", "placement", "features",
  /// "block_size", "blocks", "side", "adapter", "parameter": by name, null where it has none yet or
  /// is of another maker than PEFT}...], once for each factor, "trainable_names": of
  /// named_trainable_parameters, "trainable_parameters", "all_parameters": numbers of elements}.
  std::string to_json() const;

 private:
  struct State;
  explicit OFTModel(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace oft
