#pragma once

#include <ATen/core/class_type.h>
#include <torch/csrc/jit/api/compilation_unit.h>

#include <map>
#include <memory>
#include <vector>

#include "oft/targets.hpp"

namespace oft {

/// Copies of the classes of a model, in a compilation unit of their own, some of which rotate: they
/// have an attribute `oft_R`, a list of tensors, which their methods apply. Products with weights
/// go through `oft::linear` in all of them. Methods that have run are fixed, so that other
/// rotations need other copies.
///
/// Functions and classes that are no modules remain those of the model, which must live as long.
class ScriptClasses {
 public:
  using Rotated = std::map<const c10::ClassType*, LayerKind>;

  /// `originals`: each class that an object of the model has, once.
  ScriptClasses(const std::vector<c10::ClassTypePtr>& originals, const Rotated& rotated);

  /// The copy of a class.
  c10::StrongTypePtr copy_of(const c10::ClassType& original) const;

 private:
  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  std::map<const c10::Type*, c10::ClassTypePtr> copies_;
};

}  // namespace oft
