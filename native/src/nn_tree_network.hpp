#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "nn_tree_members.hpp"
#include "nn_tree_turns.hpp"
#include "oft/module_tree.hpp"

namespace oft {

/// A network, its tensors by name, and the turns of those who run it with others.
struct NnNetwork {
  /// A parameter or buffer: what the network calls it, and where its module's forward reads it.
  struct Slot {
    std::string name;
    std::shared_ptr<torch::nn::Module> module;
    std::string key;     ///< its name in the module
    at::Tensor* member;  ///< null where it is not known of the module's class
    at::Tensor tensor;   ///< the network's own
    std::optional<NormLimit> limit;
  };

  explicit NnNetwork(std::shared_ptr<torch::nn::Module> module);

  /// Throws Error(kNotFound) with the nearest names.
  const Slot& slot(const std::string& name) const;

  std::shared_ptr<torch::nn::Module> root;
  /// By ModuleTree::modules(); a module under two names is here once.
  std::vector<std::shared_ptr<torch::nn::Module>> modules;
  std::vector<Layer> layers;
  std::vector<std::optional<std::string>> obstacles;  ///< read once, before anyone runs the modules
  /// With a module under two names, each parameter has two.
  std::vector<Slot> parameters;
  std::vector<Slot> buffers;
  NnTurns turns;

 private:
  void add_slots(const std::string& prefix, const std::shared_ptr<torch::nn::Module>& module);

  std::unordered_map<std::string, const Slot*> by_name_;
};

}  // namespace oft
