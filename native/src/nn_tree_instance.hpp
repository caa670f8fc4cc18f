#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "nn_tree_network.hpp"
#include "oft/module_tree.hpp"

namespace oft {

/// Other tensors for a network, which stand in its modules' members while the instance is entered.
class NnInstance final : public ModuleInstance {
 public:
  /// Throws Error(kInvalidArgument, kNotFound, kUnsupported) for what cannot be assigned.
  NnInstance(std::shared_ptr<NnNetwork> network, const Assignments& assignments, bool training);

  void enter() override;
  void leave() noexcept override;
  c10::IValue forward(std::vector<c10::IValue> args, const Kwargs& kwargs) override;

 private:
  /// A tensor that changes places with the network's own.
  struct Swap {
    at::Tensor* member;
    at::Tensor tensor;
  };
  /// An Embedding's limit, which its tensor keeps already.
  struct Limit {
    std::optional<double>* option;
    std::optional<double> value;
  };

  void set_modes();
  void restore_modes();

  std::shared_ptr<NnNetwork> network_;
  bool training_;
  std::vector<Swap> swaps_;
  std::vector<Limit> limits_;
  std::optional<bool> root_mode_;  // before it was entered, where any module was not `training_`
  std::vector<bool> modes_;        // and of the others
};

}  // namespace oft
