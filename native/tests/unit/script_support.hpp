#pragma once

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "oft/merge.hpp"
#include "oft/module_tree.hpp"
#include "src/script_module.hpp"
#include "support.hpp"

namespace oft::testing {

inline torch::jit::Module load_example(const std::string& name, const ScriptPlace& place = {}) {
  return load_script(data_dir() / "scripts" / (name + ".pt"), place);
}

inline std::string saved_bytes(const torch::jit::Module& module) {
  std::ostringstream out;
  module.save(out);
  return out.str();
}

/// The source text of a module's classes and functions, as it would be saved.
inline std::string saved_code(const torch::jit::Module& module) {
  std::istringstream in(saved_bytes(module));
  caffe2::serialize::PyTorchStreamReader reader(&in);
  std::string code;
  for (const std::string& record : reader.getAllRecords()) {
    if (!record.ends_with(".py")) continue;
    const auto [data, size] = reader.getRecord(record);
    code.append(static_cast<const char*>(data.get()), size);
  }
  return code;
}

/// Whether there is a trace of a rotation in it.
inline bool has_rotations(const std::string& code) {
  return code.find("oft_R") != code.npos || code.find("ops.oft") != code.npos;
}

inline std::size_t index_of(const ModuleTree& tree, const std::string& name) {
  for (std::size_t i = 0; i < tree.modules().size(); ++i)
    if (tree.modules()[i].name == name) return i;
  throw std::runtime_error("no module " + name);
}

inline at::Tensor tensor_of(const ModuleTree& tree, const std::string& name) {
  for (const auto& [parameter, tensor] : tree.parameters())
    if (parameter == name) return tensor;
  throw std::runtime_error("no parameter " + name);
}

/// Rotations of some modules of a tree, by name, each in the order of application.
using Rotations = std::map<std::string, std::vector<Rotation>>;

/// Rotations of random parameters for modules whose features blocks of `block_size` divide.
inline Rotations random_rotations(const ModuleTree& tree, const std::vector<std::string>& names,
                                  std::int64_t block_size = 4, std::size_t count = 1) {
  Rotations rotations;
  for (const std::string& name : names) {
    const LayerKind kind = tree.modules()[index_of(tree, name)].kind;
    const auto features = rotated_features(kind, tensor_of(tree, name + ".weight").sizes());
    for (std::size_t i = 0; i < count; ++i)
      rotations[name].push_back(random_rotation(features, block_size, 0.4));
  }
  return rotations;
}

inline std::map<std::string, at::Tensor> merged_weights(const ModuleTree& tree,
                                                        const Rotations& rotations) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, of_module] : rotations) {
    const at::Tensor weight = tensor_of(tree, name + ".weight").detach();
    weights[name + ".weight"] =
        merge_weight(weight, tree.modules()[index_of(tree, name)].kind, of_module);
  }
  return weights;
}

/// Prepares the modules and says how each is placed.
inline std::map<std::string, Placement> prepare(ModuleTree& tree, const Rotations& rotations) {
  std::vector<std::size_t> targets;
  for (const auto& [name, of_module] : rotations) targets.push_back(index_of(tree, name));
  const std::vector<Placement> placements = tree.prepare(targets);
  std::map<std::string, Placement> by_name;
  std::size_t i = 0;
  for (const auto& [name, of_module] : rotations) by_name[name] = placements[i++];
  return by_name;
}

/// The rotations as an instance takes them.
inline Assignments assignments_of(ModuleTree& tree, const Rotations& rotations) {
  Assignments assignments;
  const auto weights = merged_weights(tree, rotations);
  for (const auto& [name, placement] : prepare(tree, rotations)) {
    const std::string weight = name + ".weight";
    if (placement == Placement::kWeight) {
      assignments.tensors.emplace_back(weight, weights.at(weight));
      continue;
    }
    const bool wide = tensor_of(tree, weight).scalar_type() == at::kDouble;
    std::vector<at::Tensor> matrices;
    for (const Rotation& rotation : rotations.at(name))
      matrices.push_back(rotation.matrices(wide ? at::kDouble : at::kFloat));
    assignments.rotations.emplace_back(index_of(tree, name), matrices);
  }
  return assignments;
}

inline at::Tensor forward(ModuleInstance& instance, const at::Tensor& x) {
  return instance.forward({x}, {}).toTensor();
}

}  // namespace oft::testing
