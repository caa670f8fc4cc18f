#pragma once

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model_adapter.hpp"
#include "model_cache.hpp"
#include "model_merge.hpp"
#include "model_tree.hpp"
#include "oft/model.hpp"

namespace oft {

/// For tensors that outlive a call: they record nothing, and can be recorded later.
struct PlainMode {
  c10::InferenceMode no_inference{false};  // switches recording on, so it comes first
  at::NoGradGuard no_grad;
};

using AdapterList = std::vector<std::shared_ptr<Adapter>>;

std::vector<std::string> names_of(const AdapterList& adapters);

/// Throws Error(kInvalidArgument) where two of them replace the same parameter.
void require_compatible(const AdapterList& adapters);

/// Throws Error(kInvalidState) where one of them trains and has a strength other than 1.
void require_full_strength(const AdapterList& adapters);

/// Whoever changes the model holds `changes` from the first check to the end, computes everything,
/// and publishes it under `mutex`. Whoever runs it takes what it needs under `mutex` and computes
/// afterwards. So nobody waits for arithmetic but those who want its result.
struct OFTModel::State {
  std::mutex changes;
  /// Held while an instance for the cache is made: others that want it wait instead of making it.
  std::mutex instances;
  mutable std::mutex mutex;  // guards what follows, and the adapters' own members

  OFTModelOptions options;
  std::shared_ptr<PreparedTree> tree;  // null once unloaded
  AdapterList adapters;                // in the order of their arrival
  AdapterList active;                  // in the order of application
  std::shared_ptr<const MergedAdapters> merged;
  bool enabled = true;
  bool training = false;
  InstanceCache cache;

  /// Throws Error(kInvalidState) after an unload.
  void require_loaded() const;

  /// Throws Error(kNotFound) naming those that exist.
  std::shared_ptr<Adapter> adapter(const std::string& name) const;
  /// Throws, besides, Error(kInvalidArgument) where a name comes twice.
  AdapterList adapters_of(const std::vector<std::string>& names) const;
  void require_new_name(const std::string& name) const;

  /// Where base weights are not kept, merged ones are in the tree itself.
  bool is_merged_in_place() const { return merged != nullptr && !options.keep_base_weights; }
  bool is_merged(const std::string& name) const;
  at::Tensor base_tensor(const std::string& name) const;
  /// The tree with nothing merged. It may be the very network, so this comes last before `publish`.
  std::shared_ptr<PreparedTree> unmerged_tree() const;

  /// Aliases of the adapters' parameters at their strengths. Takes `mutex`.
  std::vector<AdapterParameters> parameters_of(const AdapterList& chosen) const;
  /// The same of snapshots; what had to be computed is kept for others. Takes `mutex`.
  std::vector<AdapterParameters> at_strengths(const AdapterList& chosen,
                                              std::vector<AdapterSnapshot> snapshots) const;
  MergedAdapters merge(const AdapterList& chosen, bool safe, const LayerProgress& progress) const;
  /// Those of `names`, or the active ones, that are not merged yet.
  AdapterList adapters_to_merge(const std::optional<std::vector<std::string>>& names) const;

  /// Makes `chosen` the active ones, of which those that can train do. Under `mutex`.
  void set_active(AdapterList chosen);
  /// Another tree or merge, or other adapters: frees what is cached for those before. Under
  /// `mutex`.
  void publish(std::shared_ptr<PreparedTree> new_tree, std::shared_ptr<const MergedAdapters> now);
  void unload();

  /// Whether an instance may be of use to those who come after.
  bool is_current(const Recipe& recipe) const;

  /// What an activation runs. Throws Error(kInvalidState) where it cannot. Under `mutex`.
  Recipe recipe(const std::optional<std::vector<std::string>>& names) const;

  /// Names of what a merge can change under those who run the model meanwhile, because it happens
  /// in the network itself. Under `mutex`.
  std::set<std::string> pinned_tensors() const;

  /// Ready to be entered; the cached one where there is one. Takes the locks.
  std::shared_ptr<ModuleInstance> instance(const std::optional<std::vector<std::string>>& names);
};

}  // namespace oft
