#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "oft/module_tree.hpp"

namespace oft {

/// A tree, its tensors by name and how each module that some adapter targets is rotated. Safe to
/// share between threads.
class PreparedTree {
 public:
  explicit PreparedTree(std::shared_ptr<ModuleTree> tree);

  const ModuleTree& tree() const { return *tree_; }
  const std::vector<Layer>& modules() const { return tree_->modules(); }

  /// Parameters and buffers; a tied one under each of its names.
  const std::map<std::string, at::Tensor>& tensors() const { return tensors_; }
  const at::Tensor& tensor(const std::string& name) const { return tensors_.at(name); }
  bool is_parameter(const std::string& name) const { return parameters_.contains(name); }
  /// Elements of all parameters, tied ones once.
  std::int64_t parameter_count() const;

  /// Adds modules to those that can be rotated; see ModuleTree::prepare.
  void prepare(const std::vector<std::size_t>& modules);
  Placement placement(std::size_t module) const;

  std::shared_ptr<ModuleInstance> instantiate(const Assignments& assignments, bool training) const;

  /// The plain model; see ModuleTree::with_tensors.
  std::shared_ptr<ModuleTree> with_tensors(const std::map<std::string, at::Tensor>& tensors) const;

  /// The same, prepared as this one is.
  std::shared_ptr<PreparedTree> prepared_with(
      const std::map<std::string, at::Tensor>& tensors) const;

 private:
  const std::shared_ptr<ModuleTree> tree_;
  std::map<std::string, at::Tensor> tensors_;
  std::set<std::string> parameters_;
  mutable std::mutex tree_mutex_;  // held while the tree works, which can mean waiting for others
  mutable std::mutex placements_mutex_;
  std::map<std::size_t, Placement> placements_;
};

}  // namespace oft
