#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "model_assignments.hpp"
#include "model_state.hpp"
#include "oft/model.hpp"

namespace oft {
namespace {

/// True where every activation of the recipe would compute the same, and no gradient is wanted.
bool is_constant(const Recipe& recipe, bool recording) {
  return std::ranges::none_of(recipe.adapters, [&](const std::shared_ptr<Adapter>& adapter) {
    const AdapterPlan& plan = adapter->plan();
    return (recording && adapter->is_trainable()) ||
           (recipe.training && (plan.spec.coft_eps || plan.config.module_dropout > 0));
  });
}

std::shared_ptr<ModuleInstance> make_instance(const Recipe& recipe,
                                              const std::vector<AdapterParameters>& parameters,
                                              const std::set<std::string>& pinned, bool by_weight) {
  Assignments assignments;
  if (recipe.merged != nullptr)
    assignments.tensors.assign(recipe.merged->tensors().begin(), recipe.merged->tensors().end());
  else
    assignments = make_assignments(*recipe.tree, parameters, recipe.training, by_weight);
  std::set<std::string> assigned;
  for (const auto& [name, tensor] : assignments.tensors) assigned.insert(name);
  for (const std::string& name : pinned)
    if (!assigned.contains(name)) assignments.tensors.emplace_back(name, recipe.tree->tensor(name));
  return recipe.tree->instantiate(assignments, recipe.training);
}

}  // namespace

std::shared_ptr<ModuleInstance> OFTModel::State::instance(
    const std::optional<std::vector<std::string>>& names) {
  const bool recording = at::GradMode::is_enabled() && !c10::InferenceMode::is_enabled();
  std::unique_lock making(instances, std::defer_lock);
  for (;;) {
    std::unique_lock lock(mutex);
    require_loaded();
    const Recipe recipe = this->recipe(names);
    if (recording || recipe.training) require_full_strength(recipe.adapters);
    const bool constant = is_constant(recipe, recording);
    const std::vector<at::Tensor> watched = constant ? recipe.watched() : std::vector<at::Tensor>();
    if (constant) {
      if (const auto found = cache.find(recipe)) {
        lock.unlock();
        if (found->has_values(watched)) return found->instance;
        lock.lock();
        cache.drop(found);
        continue;
      }
      if (!making.owns_lock()) {
        lock.unlock();
        making.lock();
        continue;
      }
    }

    std::optional<PlainMode> plain;
    if (constant || !recording) plain.emplace();
    std::vector<AdapterSnapshot> snapshots;
    for (const std::shared_ptr<Adapter>& adapter : recipe.adapters) {
      if (recipe.training) adapter->project();
      snapshots.push_back(adapter->snapshot(/*differentiable=*/!constant && recording));
    }
    CachedInstance made{.recipe = recipe, .stamp = recipe.stamp()};
    const std::set<std::string> pinned = pinned_tensors();
    lock.unlock();
    const bool by_weight = options.cache_merged_weights && constant && !recipe.training;
    made.instance = make_instance(recipe, at_strengths(recipe.adapters, std::move(snapshots)),
                                  pinned, by_weight);
    if (!constant) return made.instance;

    for (const at::Tensor& tensor : watched) made.values.push_back(tensor.clone());
    const auto instance = made.instance;
    lock.lock();
    if (is_current(recipe)) cache.insert(std::move(made));
    return instance;
  }
}

Activation OFTModel::activate(const std::optional<std::vector<std::string>>& names) {
  return Activation(state_->instance(names));
}

void OFTModel::train(bool on) {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  state_->training = on;
}

bool OFTModel::is_training() const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  return state_->training;
}

std::vector<at::Tensor> OFTModel::trainable_parameters() const {
  std::vector<at::Tensor> tensors;
  for (auto& [name, tensor] : named_trainable_parameters()) tensors.push_back(tensor);
  return tensors;
}

std::vector<NamedTensor> OFTModel::named_trainable_parameters() const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  std::vector<NamedTensor> trainable;
  for (const std::shared_ptr<Adapter>& adapter : state_->active)
    for (NamedTensor& named : adapter->named_tensors())
      if (named.second.requires_grad()) trainable.push_back(std::move(named));
  return trainable;
}

std::vector<OFTModel::LayerParameter> OFTModel::layer_parameters() const {
  const PlainMode plain;
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  std::vector<LayerParameter> parameters;
  for (const std::shared_ptr<Adapter>& adapter : state_->adapters) {
    if (!adapter->is_materialized()) continue;
    const AdapterParameters& own = adapter->parameters();
    if (own.plan->foreign) continue;
    for (const ModelLayer& layer : own.plan->layers) {
      const at::Tensor& grad = own.flats[layer.flat].grad();
      parameters.push_back(
          {layer.parameter_name(adapter->name()), own.layer_q(layer),
           grad.defined() ? grad.narrow(0, layer.first_row, layer.rows) : at::Tensor()});
    }
  }
  return parameters;
}

}  // namespace oft
