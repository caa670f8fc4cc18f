#pragma once

#include <ATen/core/class_type.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/api/module.h>

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "oft/targets.hpp"

namespace oft {

/// An attribute of one of a list of objects.
struct ScriptSlot {
  std::size_t object;
  std::size_t slot;
};

struct NamedSlot {
  std::string name;  ///< dotted path
  ScriptSlot slot;
};

struct ScriptObject {
  std::string name;  ///< dotted path, empty for the root
  torch::jit::ObjectPtr value;
  /// Slots that hold modules, and the indices of these.
  std::vector<std::pair<std::size_t, std::size_t>> children;
  /// Indices of other objects that were the same module before TorchScript made two of it: leaves
  /// of one class (of which a trace calls but the first) whose tensors are all tied.
  std::vector<std::size_t> twins;

  c10::ClassTypePtr type() const { return value->type(); }
};

/// The objects of a TorchScript module: the root, then parents before children, as
/// `named_modules()` lists them. Immutable.
class ScriptObjects {
 public:
  explicit ScriptObjects(const torch::jit::Module& root);

  const std::vector<ScriptObject>& list() const { return list_; }

  /// Indices of the objects but the root and twins of others.
  const std::vector<std::size_t>& modules() const { return modules_; }

  /// Slots that hold parameters, and those that hold other tensors, but for those of twins.
  const std::vector<NamedSlot>& parameters() const { return parameters_; }
  const std::vector<NamedSlot>& buffers() const { return buffers_; }

  const at::Tensor& tensor(const ScriptSlot& slot) const;

  /// Where a parameter or buffer is, and after that those of twins. Throws Error(kNotFound) with
  /// the nearest names.
  const std::vector<ScriptSlot>& slots(const std::string& name) const;

 private:
  std::size_t visit(const std::string& name, const torch::jit::ObjectPtr& object);
  void find_twins();
  void list_tensors(std::size_t index);

  std::vector<ScriptObject> list_;
  std::vector<std::size_t> modules_;
  std::vector<NamedSlot> parameters_;
  std::vector<NamedSlot> buffers_;
  std::unordered_map<std::string, std::vector<ScriptSlot>> slots_;
};

/// "torch.nn.modules.linear.Linear": without what TorchScript adds to tell classes apart.
std::string script_class_name(const c10::ClassType& type);

/// What a module is by the name of its class and the shape of its weight.
Layer script_layer(const ScriptObject& object);

}  // namespace oft
