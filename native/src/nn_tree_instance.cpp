#include "nn_tree_instance.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <string>
#include <utility>

#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// The table as a lookup with `max_norm` would leave it, through which gradients flow. An Embedding
/// itself shrinks rows in place, which gradients do not see, nor threads beside each other.
at::Tensor limit_norms(const at::Tensor& table, const NormLimit& limit) {
  const at::Tensor norms = table.detach().norm(limit.norm_type, {1}, /*keepdim=*/true);
  if (!(norms > limit.max_norm).any().item<bool>()) return table;
  return table * (limit.max_norm / (norms + 1e-7)).clamp_max(1.0);
}

}  // namespace

NnInstance::NnInstance(std::shared_ptr<NnNetwork> network, const Assignments& assignments,
                       bool training)
    : network_(std::move(network)), training_(training) {
  if (!assignments.rotations.empty())
    throw Error(Status::kInvalidArgument,
                "a torch::nn network is rotated by its weights, but rotations are assigned");
  for (const auto& [name, tensor] : assignments.tensors) {
    const NnNetwork::Slot& slot = network_->slot(name);
    if (slot.member == nullptr)
      throw Error(Status::kUnsupported,
                  "'" + name + "' cannot be replaced: oft does not know which member of " +
                      slot.module->name() +
                      " holds it; put it into a module of torch::nn, such as Linear or LayerNorm");
    if (tensor.sizes() != slot.tensor.sizes())
      throw Error(Status::kInvalidArgument, "'" + name + "' has shape " +
                                                shape_text(slot.tensor.sizes()) + ", not " +
                                                shape_text(tensor.sizes()));
    swaps_.push_back({slot.member, slot.limit ? limit_norms(tensor, *slot.limit) : tensor});
    if (slot.limit) limits_.push_back({slot.limit->option, std::nullopt});
  }
}

void NnInstance::enter() {
  network_->turns.enter(this, [&] {
    set_modes();
    for (Swap& swap : swaps_) std::swap(*swap.member, swap.tensor);
    for (Limit& limit : limits_) std::swap(*limit.option, limit.value);
  });
}

void NnInstance::leave() noexcept {
  network_->turns.leave([&] {
    // Backwards, for a member that has two names.
    std::for_each(limits_.rbegin(), limits_.rend(),
                  [](Limit& limit) { std::swap(*limit.option, limit.value); });
    std::for_each(swaps_.rbegin(), swaps_.rend(),
                  [](Swap& swap) { std::swap(*swap.member, swap.tensor); });
    restore_modes();
  });
}

c10::IValue NnInstance::forward(std::vector<c10::IValue> /*args*/, const Kwargs& /*kwargs*/) {
  throw Error(Status::kUnsupported,
              "the forward of a torch::nn network is its own C++ method: call it while the "
              "activation lives");
}

void NnInstance::set_modes() {
  const auto differs = [&](const auto& module) { return module->is_training() != training_; };
  if (!differs(network_->root) && std::ranges::none_of(network_->modules, differs)) return;
  root_mode_ = network_->root->is_training();
  modes_.clear();
  for (const auto& module : network_->modules) modes_.push_back(module->is_training());
  network_->root->train(training_);
}

void NnInstance::restore_modes() {
  if (!root_mode_) return;
  network_->root->train(*root_mode_);
  // Parents come first, and set their children too.
  for (std::size_t i = 0; i < modes_.size(); ++i)
    if (network_->modules[i]->is_training() != modes_[i]) network_->modules[i]->train(modes_[i]);
  root_mode_.reset();
}

}  // namespace oft
