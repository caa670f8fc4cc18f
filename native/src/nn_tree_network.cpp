#include "nn_tree_network.hpp"

#include <unordered_set>
#include <utility>

#include "oft/error.hpp"
#include "text.hpp"

namespace oft {

NnNetwork::NnNetwork(std::shared_ptr<torch::nn::Module> module) : root(std::move(module)) {
  if (root == nullptr) throw Error(Status::kInvalidArgument, "the network is null");
  add_slots("", root);
  std::unordered_set<const torch::nn::Module*> seen{root.get()};
  for (const auto& item : root->named_modules("", /*include_self=*/false)) {
    add_slots(item.key() + ".", item.value());
    if (!seen.insert(item.value().get()).second) continue;
    modules.push_back(item.value());
    obstacles.push_back(nn_obstacle(*item.value()));
    layers.push_back({item.key(), nn_kind(*item.value()), item.value()->name()});
  }
  for (const auto* slots : {&parameters, &buffers})
    for (const Slot& slot : *slots) by_name_.emplace(slot.name, &slot);
}

void NnNetwork::add_slots(const std::string& prefix,
                          const std::shared_ptr<torch::nn::Module>& module) {
  const auto add = [&](const auto& items, std::vector<Slot>& slots) {
    for (const auto& item : items) {
      if (!item.value().defined()) continue;
      at::Tensor* member = nn_member(*module, item.key());
      // The member counts where the two differ, as with `head->weight = embedding->weight`.
      const bool has_member = member != nullptr && member->defined();
      slots.push_back({prefix + item.key(), module, item.key(), member,
                       has_member ? *member : item.value(),
                       item.key() == "weight" ? nn_norm_limit(*module) : std::nullopt});
    }
  };
  add(module->named_parameters(/*recurse=*/false), parameters);
  add(module->named_buffers(/*recurse=*/false), buffers);
}

const NnNetwork::Slot& NnNetwork::slot(const std::string& name) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return *found->second;
  std::vector<std::string> names;
  for (const Slot& slot : parameters) names.push_back(slot.name);
  throw Error(Status::kNotFound, "the network has no parameter or buffer '" + name +
                                     "'; nearest: " + quote_some(nearest_names(name, names)));
}

}  // namespace oft
