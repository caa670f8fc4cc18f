#include <memory>
#include <utility>

#include "model_state.hpp"
#include "oft/error.hpp"
#include "oft/model.hpp"

namespace oft {

void OFTModel::merge_adapter(const std::optional<std::vector<std::string>>& names,
                             bool safe_merge) {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  const AdapterList chosen = state.adapters_to_merge(names);
  if (chosen.empty()) return;
  if (!state.enabled && !state.options.keep_base_weights)
    throw Error(Status::kInvalidState,
                "adapters are disabled, and merging would change the weights that the model then "
                "runs with, for no copy of them is kept; call enable_adapter first");
  auto merged = std::make_shared<MergedAdapters>(state.merge(chosen, safe_merge, {}));
  auto tree = state.tree;
  if (!state.options.keep_base_weights) {
    tree = tree->prepared_with(merged->tensors());
    merged->release_tensors();
  }

  const std::lock_guard lock(state.mutex);
  state.publish(std::move(tree), std::move(merged));
}

void OFTModel::unmerge_adapter() {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  auto tree = state.unmerged_tree();

  const std::lock_guard lock(state.mutex);
  state.publish(std::move(tree), nullptr);
}

std::shared_ptr<ModuleTree> OFTModel::merge_and_unload(const MergeAndUnloadOptions& options) {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  const MergedAdapters merged = state.merge(state.adapters_to_merge(options.adapter_names),
                                            options.safe_merge, options.progress);
  auto model = state.tree->with_tensors(merged.tensors());
  state.unload();
  return model;
}

std::shared_ptr<ModuleTree> OFTModel::unload() {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  auto model = state.tree->with_tensors(
      state.merged == nullptr ? std::map<std::string, at::Tensor>() : state.merged->tensors());
  state.unload();
  return model;
}

}  // namespace oft
