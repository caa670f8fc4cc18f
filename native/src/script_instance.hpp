#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "oft/module_tree.hpp"
#include "script_classes.hpp"
#include "script_objects.hpp"

namespace oft {

/// What instances of a TorchScript model are made from: its objects in classes that rotate, with
/// its tensors, detached. A tensor that is tied stays one.
class ScriptTemplate {
 public:
  struct Object {
    c10::StrongTypePtr type;
    std::vector<c10::IValue> slots;
    std::optional<std::size_t> training;   ///< slot
    std::optional<std::size_t> rotations;  ///< slot
  };

  ScriptTemplate(std::shared_ptr<const ScriptObjects> originals, const ScriptClasses& classes);

  /// The model's own objects, whose functions the classes call.
  const ScriptObjects& originals() const { return *originals_; }
  /// In the same order.
  const std::vector<Object>& objects() const { return objects_; }

 private:
  std::shared_ptr<const ScriptObjects> originals_;
  std::vector<Object> objects_;
};

std::shared_ptr<ModuleInstance> script_instance(std::shared_ptr<const ScriptTemplate> from,
                                                const Assignments& assignments, bool training);

}  // namespace oft
