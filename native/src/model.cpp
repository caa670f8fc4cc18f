#include "oft/model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model_file.hpp"
#include "model_state.hpp"
#include "oft/error.hpp"

namespace oft {
OFTModel::OFTModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
OFTModel::OFTModel(OFTModel&&) noexcept = default;
OFTModel& OFTModel::operator=(OFTModel&&) noexcept = default;
OFTModel::~OFTModel() = default;

OFTModel::OFTModel(std::shared_ptr<ModuleTree> model, const OFTConfig& config,
                   const std::string& adapter_name, const OFTModelOptions& options)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->tree = std::make_shared<PreparedTree>(std::move(model));
  add_adapter(adapter_name, config, options.low_cpu_mem_usage);
  set_adapter({adapter_name});
}

OFTModel OFTModel::from_pretrained(std::shared_ptr<ModuleTree> model,
                                   const std::filesystem::path& path,
                                   const std::string& adapter_name, const LoadAdapterOptions& load,
                                   const OFTModelOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  state->tree = std::make_shared<PreparedTree>(std::move(model));
  OFTModel loaded(std::move(state));
  loaded.load_adapter(path, adapter_name, load);
  loaded.set_adapter({adapter_name});
  return loaded;
}

void OFTModel::add_adapter(const std::string& name, const OFTConfig& config,
                           bool low_cpu_mem_usage) {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  state.require_new_name(name);
  auto plan =
      std::make_shared<const AdapterPlan>(plan_adapter(*state.tree, config, state.options.facts));
  state.tree->prepare(plan->modules());
  std::optional<AdapterParameters> parameters;
  if (!low_cpu_mem_usage)
    parameters = AdapterParameters::initial(
        plan, *state.tree, [&](const std::string& tensor) { return state.base_tensor(tensor); });
  auto adapter = std::make_shared<Adapter>(name, std::move(plan), std::move(parameters));
  auto tree = state.unmerged_tree();

  const std::lock_guard lock(state.mutex);
  state.adapters.push_back(std::move(adapter));
  state.publish(std::move(tree), nullptr);
}

void OFTModel::load_adapter(const std::filesystem::path& path, const std::string& name,
                            const LoadAdapterOptions& options) {
  state_->require_loaded();
  load_adapter(AdapterFile::load(path), name, options);
}

void OFTModel::load_adapter(const AdapterFile& file, const std::string& name,
                            const LoadAdapterOptions& options) {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  const auto found =
      std::ranges::find(state.adapters, name, [](const auto& a) { return a->name(); });
  const std::shared_ptr<Adapter> old = found == state.adapters.end() ? nullptr : *found;
  if (old == nullptr) state.require_new_name(name);

  const bool inference_mode = old ? !old->can_train() : !options.is_trainable;
  FilePlan planned = plan_file(*state.tree, file, inference_mode, state.options.facts);
  auto plan = std::make_shared<const AdapterPlan>(std::move(planned.plan));
  const auto base = [&](const std::string& tensor) { return state.base_tensor(tensor); };
  auto parameters = AdapterParameters::from_file(plan, planned.rotations, *state.tree, base, file);
  state.tree->prepare(plan->modules());
  auto adapter = std::make_shared<Adapter>(name, plan, parameters);
  if (old != nullptr) adapter->set_strength(old->strength(), nullptr);
  AdapterList active = state.active;
  std::ranges::replace(active, old, adapter);
  require_compatible(active);
  auto tree = state.unmerged_tree();

  const std::lock_guard lock(state.mutex);
  if (old == nullptr) {
    state.adapters.push_back(std::move(adapter));
  } else if (!old->try_assign(parameters)) {
    std::ranges::replace(state.adapters, old, adapter);
    state.set_active(std::move(active));
  }
  state.publish(std::move(tree), nullptr);
}

void OFTModel::save_pretrained(const std::filesystem::path& folder,
                               const std::vector<std::string>& names) const {
  std::vector<std::pair<std::filesystem::path, AdapterFile>> files;
  for (const std::string& name : names.empty() ? adapter_names() : names)
    files.emplace_back(name == "default" ? folder : folder / name, adapter(name));
  for (const auto& [target, file] : files) file.require_savable();
  for (const auto& [target, file] : files) file.save(target);
}

void OFTModel::set_adapter(const std::vector<std::string>& names) {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  AdapterList chosen = state.adapters_of(names);
  auto tree = state.unmerged_tree();

  const std::lock_guard lock(state.mutex);
  state.set_active(std::move(chosen));
  state.publish(std::move(tree), nullptr);
}

void OFTModel::set_adapter_strength(const std::string& name, double strength) {
  const PlainMode plain;
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  const std::shared_ptr<Adapter> adapter = state.adapter(name);
  if (!std::isfinite(strength))
    throw Error(Status::kInvalidArgument, "adapter '" + name + "': a strength of " +
                                              std::to_string(strength) +
                                              "; it must be finite, and 1 is the adapter itself");
  if (strength == adapter->strength()) return;
  AdapterSnapshot next;
  {
    const std::lock_guard lock(state.mutex);
    if (adapter->is_materialized()) next = adapter->snapshot_at(strength);
  }
  next.at_strength();
  const bool is_merged = state.is_merged(name);
  auto tree = is_merged ? state.unmerged_tree() : state.tree;

  const std::lock_guard lock(state.mutex);
  adapter->set_strength(strength, std::move(next.scaled));
  state.publish(std::move(tree), is_merged ? nullptr : state.merged);
}

double OFTModel::adapter_strength(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  return state_->adapter(name)->strength();
}

void OFTModel::delete_adapter(const std::string& name) {
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  const std::shared_ptr<Adapter> adapter = state.adapter(name);
  if (state.is_merged(name))
    throw Error(Status::kInvalidState,
                "adapter '" + name + "' is merged; call unmerge_adapter before it is deleted");

  const std::lock_guard lock(state.mutex);
  std::erase(state.adapters, adapter);
  AdapterList active = state.active;
  if (std::erase(active, adapter) > 0 && active.empty() && !state.adapters.empty())
    active.push_back(state.adapters.front());
  state.set_active(std::move(active));
  state.publish(state.tree, state.merged);
}

void OFTModel::disable_adapter() {
  State& state = *state_;
  const std::lock_guard change(state.changes);
  state.require_loaded();
  if (state.is_merged_in_place())
    throw Error(
        Status::kInvalidState,
        "merged adapters cannot be disabled, for no copy of the base weights was kept; call "
        "unmerge_adapter first, or make the model with keep_base_weights");
  const std::lock_guard lock(state.mutex);
  state.enabled = false;
}

void OFTModel::enable_adapter() {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  state.require_loaded();
  state.enabled = true;
}

std::vector<std::string> OFTModel::adapter_names() const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  return names_of(state_->adapters);
}

std::vector<std::string> OFTModel::active_adapters() const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  return names_of(state_->active);
}

std::vector<std::string> OFTModel::merged_adapters() const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  return state_->merged == nullptr ? std::vector<std::string>() : state_->merged->names();
}

bool OFTModel::is_enabled() const {
  const std::lock_guard lock(state_->mutex);
  state_->require_loaded();
  return state_->enabled;
}

AdapterFile OFTModel::adapter(const std::string& name) const {
  const PlainMode plain;
  std::unique_lock lock(state_->mutex);
  state_->require_loaded();
  const AdapterParameters parameters =
      state_->adapter(name)->parameters().alias(/*differentiable=*/false);
  lock.unlock();
  return parameters.to_file();
}

}  // namespace oft
