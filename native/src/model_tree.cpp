#include "model_tree.hpp"

#include <utility>

#include "oft/error.hpp"

namespace oft {

PreparedTree::PreparedTree(std::shared_ptr<ModuleTree> tree) : tree_(std::move(tree)) {
  if (tree_ == nullptr) throw Error(Status::kInvalidArgument, "the model must not be null");
  for (const auto& [name, tensor] : tree_->parameters()) {
    tensors_.emplace(name, tensor.detach());
    parameters_.insert(name);
  }
  for (const auto& [name, tensor] : tree_->buffers()) tensors_.emplace(name, tensor.detach());
}

std::int64_t PreparedTree::parameter_count() const {
  std::map<const void*, std::int64_t> counts;
  for (const std::string& name : parameters_)
    counts[tensor(name).const_data_ptr()] = tensor(name).numel();
  std::int64_t sum = 0;
  for (const auto& [data, count] : counts) sum += count;
  return sum;
}

void PreparedTree::prepare(const std::vector<std::size_t>& modules) {
  const std::lock_guard working(tree_mutex_);
  std::vector<std::size_t> added;
  for (const std::size_t module : modules)
    if (!placements_.contains(module)) added.push_back(module);
  if (added.empty()) return;
  const std::vector<Placement> placements = tree_->prepare(added);
  const std::lock_guard lock(placements_mutex_);
  for (std::size_t i = 0; i < added.size(); ++i) placements_.emplace(added[i], placements[i]);
}

Placement PreparedTree::placement(std::size_t module) const {
  const std::lock_guard lock(placements_mutex_);
  return placements_.at(module);
}

std::shared_ptr<ModuleInstance> PreparedTree::instantiate(const Assignments& assignments,
                                                          bool training) const {
  const std::lock_guard working(tree_mutex_);
  return tree_->instantiate(assignments, training);
}

std::shared_ptr<ModuleTree> PreparedTree::with_tensors(
    const std::map<std::string, at::Tensor>& tensors) const {
  const std::lock_guard working(tree_mutex_);
  return tree_->with_tensors(tensors);
}

std::shared_ptr<PreparedTree> PreparedTree::prepared_with(
    const std::map<std::string, at::Tensor>& tensors) const {
  auto prepared = std::make_shared<PreparedTree>(with_tensors(tensors));
  std::vector<std::size_t> modules;
  {
    const std::lock_guard lock(placements_mutex_);
    for (const auto& [module, placement] : placements_) modules.push_back(module);
  }
  prepared->prepare(modules);
  return prepared;
}

}  // namespace oft
