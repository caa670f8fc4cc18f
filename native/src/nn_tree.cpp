#include <torch/nn/module.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn_tree_instance.hpp"
#include "nn_tree_members.hpp"
#include "nn_tree_network.hpp"
#include "oft/error.hpp"
#include "oft/module_tree.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// Whether one is changed by writing the other.
bool are_tied(const at::Tensor& a, const at::Tensor& b) {
  return a.is_same(b) || (a.numel() > 0 && a.is_alias_of(b) && a.data_ptr() == b.data_ptr());
}

bool have_equal_values(const at::Tensor& a, const at::Tensor& b) {
  return a.is_same(b) || (a.scalar_type() == b.scalar_type() && a.equal(b));
}

class NnTree final : public ModuleTree, public std::enable_shared_from_this<NnTree> {
 public:
  explicit NnTree(std::shared_ptr<torch::nn::Module> module)
      : network_(std::make_shared<NnNetwork>(std::move(module))) {
    for (const NnNetwork::Slot& slot : network_->parameters) slot.tensor.requires_grad_(false);
  }

  const std::vector<Layer>& modules() const override { return network_->layers; }

  std::int64_t groups(std::size_t module) const override {
    return nn_groups(*network_->modules.at(module));
  }

  std::vector<NamedTensor> parameters() const override { return named(network_->parameters); }
  std::vector<NamedTensor> buffers() const override { return named(network_->buffers); }

  std::vector<Placement> prepare(const std::vector<std::size_t>& targets) override {
    std::string problems;
    for (const std::size_t target : targets)
      if (const auto& obstacle = network_->obstacles.at(target))
        problems += (problems.empty() ? "" : "; ") + ("'" + network_->layers[target].name + "' (") +
                    network_->layers[target].class_name + "): " + *obstacle;
    if (!problems.empty())
      throw Error(Status::kUnsupported, "some modules cannot be rotated: " + problems);
    return std::vector<Placement>(targets.size(), Placement::kWeight);
  }

  std::shared_ptr<ModuleInstance> instantiate(const Assignments& assignments,
                                              bool training) override {
    return std::make_shared<NnInstance>(network_, assignments, training);
  }

  std::shared_ptr<ModuleTree> with_tensors(
      const std::map<std::string, at::Tensor>& tensors) override {
    std::vector<std::pair<at::Tensor, at::Tensor>> changes;
    for (const auto& [name, tensor] : tensors) {
      const NnNetwork::Slot& slot = network_->slot(name);
      if (tensor.sizes() != slot.tensor.sizes())
        throw Error(Status::kInvalidArgument, "'" + name + "' has shape " +
                                                  shape_text(slot.tensor.sizes()) + ", not " +
                                                  shape_text(tensor.sizes()));
      require_ties_follow(slot, tensor, tensors);
      changes.emplace_back(slot.tensor, tensor.detach().to(slot.tensor.options()));
    }
    network_->turns.run_alone([&] {
      for (const auto& [own, tensor] : changes) own.set_data(tensor);
    });
    return shared_from_this();
  }

 private:
  static std::vector<NamedTensor> named(const std::vector<NnNetwork::Slot>& slots) {
    std::vector<NamedTensor> tensors;
    tensors.reserve(slots.size());
    for (const NnNetwork::Slot& slot : slots) tensors.emplace_back(slot.name, slot.tensor);
    return tensors;
  }

  void require_ties_follow(const NnNetwork::Slot& slot, const at::Tensor& tensor,
                           const std::map<std::string, at::Tensor>& tensors) const {
    for (const auto* slots : {&network_->parameters, &network_->buffers})
      for (const NnNetwork::Slot& other : *slots) {
        const bool is_same_slot = other.module == slot.module && other.key == slot.key;
        if (is_same_slot || !are_tied(slot.tensor, other.tensor)) continue;
        const auto replaced = tensors.find(other.name);
        if (replaced == tensors.end() || !have_equal_values(replaced->second, tensor))
          throw Error(Status::kUnsupported,
                      "'" + slot.name + "' and '" + other.name +
                          "' are one tensor, and replacing the first would change the second; give "
                          "'" +
                          other.name + "' a copy of its own before");
      }
  }

  std::shared_ptr<NnNetwork> network_;
};

}  // namespace

std::shared_ptr<ModuleTree> nn_tree(std::shared_ptr<torch::nn::Module> module) {
  return std::make_shared<NnTree>(std::move(module));
}

}  // namespace oft
