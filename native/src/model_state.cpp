#include "model_state.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "oft/error.hpp"
#include "text.hpp"

namespace oft {

std::vector<std::string> names_of(const AdapterList& adapters) {
  std::vector<std::string> names;
  for (const std::shared_ptr<Adapter>& adapter : adapters) names.push_back(adapter->name());
  return names;
}

void require_compatible(const AdapterList& adapters) {
  std::map<std::string, std::string> owners;
  for (const std::shared_ptr<Adapter>& adapter : adapters) {
    std::set<std::string> names(adapter->plan().replaced.begin(), adapter->plan().replaced.end());
    if (adapter->is_materialized())
      for (const ReplacedTensor& tensor : adapter->parameters().replaced) names.insert(tensor.name);
    for (const std::string& name : names) {
      const auto [owner, added] = owners.emplace(name, adapter->name());
      if (!added)
        throw Error(Status::kInvalidArgument,
                    "adapters '" + owner->second + "' and '" + adapter->name() +
                        "' both replace '" + name +
                        "' (by bias or modules_to_save); use one of them at a time");
    }
  }
}

void require_full_strength(const AdapterList& adapters) {
  for (const std::shared_ptr<Adapter>& adapter : adapters)
    if (adapter->is_trainable() && adapter->strength() != 1)
      throw Error(Status::kInvalidState,
                  "adapter '" + adapter->name() + "' has strength " +
                      number_text(adapter->strength()) +
                      " and cannot be trained meanwhile; set it to 1 by set_adapter_strength, or "
                      "run in evaluation mode without gradients");
}

void OFTModel::State::require_loaded() const {
  if (tree == nullptr)
    throw Error(Status::kInvalidState,
                "the model was unloaded and has no adapters any more; make a new OFTModel of it");
}

std::shared_ptr<Adapter> OFTModel::State::adapter(const std::string& name) const {
  const auto found = std::ranges::find(adapters, name, [](const auto& a) { return a->name(); });
  if (found != adapters.end()) return *found;
  throw Error(Status::kNotFound,
              "there is no adapter '" + name + "'; " +
                  (adapters.empty()
                       ? "the model has none"
                       : "those that exist: " +
                             quote_some(nearest_names(name, names_of(adapters), adapters.size()))));
}

AdapterList OFTModel::State::adapters_of(const std::vector<std::string>& names) const {
  AdapterList chosen;
  for (const std::string& name : names) {
    chosen.push_back(adapter(name));
    if (std::count(names.begin(), names.end(), name) > 1)
      throw Error(Status::kInvalidArgument, "adapter '" + name + "' is named twice; name it once");
  }
  require_compatible(chosen);
  return chosen;
}

void OFTModel::State::require_new_name(const std::string& name) const {
  if (name.empty() || name.find_first_of("./") != std::string::npos)
    throw Error(Status::kInvalidArgument, "adapter name '" + name +
                                              "': must not be empty or hold a dot or a slash, for "
                                              "it is part of parameter names and folders");
  if (std::ranges::any_of(adapters, [&](const auto& a) { return a->name() == name; }))
    throw Error(Status::kInvalidArgument,
                "there is an adapter '" + name + "' already; delete it first or give another name");
}

bool OFTModel::State::is_merged(const std::string& name) const {
  return merged != nullptr && std::ranges::count(merged->names(), name) > 0;
}

at::Tensor OFTModel::State::base_tensor(const std::string& name) const {
  return is_merged_in_place() ? merged->base_tensor(*tree, name) : tree->tensor(name);
}

std::shared_ptr<PreparedTree> OFTModel::State::unmerged_tree() const {
  return is_merged_in_place() ? tree->prepared_with(merged->base_tensors(*tree)) : tree;
}

std::vector<AdapterParameters> OFTModel::State::parameters_of(const AdapterList& chosen) const {
  std::vector<AdapterSnapshot> snapshots;
  {
    const std::lock_guard lock(mutex);
    for (const std::shared_ptr<Adapter>& adapter : chosen)
      snapshots.push_back(adapter->snapshot(/*differentiable=*/false));
  }
  return at_strengths(chosen, std::move(snapshots));
}

std::vector<AdapterParameters> OFTModel::State::at_strengths(
    const AdapterList& chosen, std::vector<AdapterSnapshot> snapshots) const {
  std::vector<AdapterParameters> parameters;
  for (AdapterSnapshot& snapshot : snapshots) parameters.push_back(snapshot.at_strength());
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i]->keep(snapshots[i].scaled);
  return parameters;
}

MergedAdapters OFTModel::State::merge(const AdapterList& chosen, bool safe,
                                      const LayerProgress& progress) const {
  return MergedAdapters::make(*tree, merged.get(), is_merged_in_place(), names_of(chosen),
                              parameters_of(chosen), safe, progress);
}

AdapterList OFTModel::State::adapters_to_merge(
    const std::optional<std::vector<std::string>>& names) const {
  AdapterList chosen = names ? adapters_of(*names) : active;
  if (merged == nullptr) return chosen;
  AdapterList all = adapters_of(merged->names());
  std::erase_if(chosen, [&](const auto& a) { return std::ranges::count(all, a) > 0; });
  all.insert(all.end(), chosen.begin(), chosen.end());
  require_compatible(all);
  return chosen;
}

void OFTModel::State::set_active(AdapterList chosen) {
  active = std::move(chosen);
  for (const std::shared_ptr<Adapter>& adapter : adapters)
    adapter->set_trainable(adapter->can_train() && std::ranges::count(active, adapter) > 0);
}

bool OFTModel::State::is_current(const Recipe& recipe) const {
  return recipe.tree == tree && (recipe.merged == nullptr || recipe.merged == merged) &&
         std::ranges::all_of(recipe.adapters,
                             [&](const auto& a) { return std::ranges::count(adapters, a) > 0; });
}

void OFTModel::State::publish(std::shared_ptr<PreparedTree> new_tree,
                              std::shared_ptr<const MergedAdapters> now) {
  tree = std::move(new_tree);
  merged = std::move(now);
  cache.drop_if([&](const Recipe& recipe) { return !is_current(recipe); });
}

void OFTModel::State::unload() {
  const std::lock_guard lock(mutex);
  set_active({});
  adapters.clear();
  publish(nullptr, nullptr);
}

Recipe OFTModel::State::recipe(const std::optional<std::vector<std::string>>& names) const {
  Recipe recipe{.tree = tree, .training = training};
  AdapterList chosen = names ? adapters_of(*names) : active;
  if (!enabled) chosen.clear();
  if (merged != nullptr) {
    if (enabled && (!names || *names == merged->names())) {
      recipe.merged = merged;
      return recipe;
    }
    if (is_merged_in_place())
      throw Error(Status::kInvalidState,
                  "adapters " + quote_some(merged->names()) +
                      " are merged into weights of which no copy was kept, so the model runs with "
                      "these only; unmerge_adapter first, or make the model with "
                      "keep_base_weights");
  }
  for (const std::shared_ptr<Adapter>& adapter : chosen) adapter->parameters();
  recipe.adapters = std::move(chosen);
  return recipe;
}

std::set<std::string> OFTModel::State::pinned_tensors() const {
  std::set<std::string> names;
  if (options.keep_base_weights) return names;
  for (const Layer& module : tree->modules())
    for (const char* member : {".weight", ".bias"})
      if (module.kind != LayerKind::kOther && tree->tensors().contains(module.name + member))
        names.insert(module.name + member);
  for (const std::shared_ptr<Adapter>& adapter : adapters)
    for (const std::string& name : adapter->plan().replaced) names.insert(name);
  return names;
}

}  // namespace oft
