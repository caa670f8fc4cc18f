#pragma once

#include <ATen/core/class_type.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <set>
#include <vector>

#include "oft/targets.hpp"

/// What the graphs of TorchScript methods do with the weight of a module, and how rotations get
/// into them.
namespace oft {

/// The attribute of a rotated class, Tensor[], in the order of application.
inline constexpr const char* kRotationsAttribute = "oft_R";

/// What the methods of a class do with its own `weight`.
enum class WeightUse {
  kNone,        ///< they do not read it
  kMultiplied,  ///< they multiply inputs by it, or look up its rows, and nothing else
  kOtherwise,   ///< something else: it can be rotated only itself
};

WeightUse weight_use(const c10::ClassType& type, LayerKind kind);

/// The classes whose `weight` methods of other classes, or of other objects, read.
std::set<const c10::ClassType*> read_from_outside(const std::vector<c10::ClassTypePtr>& classes);

/// Puts `oft::rotate(x, self.oft_R)` before each product of x and `weight`, or after each look-up,
/// in the methods of a class whose use is kMultiplied and which has the attribute.
void insert_rotations(const c10::ClassType& type, LayerKind kind);

/// Lets `oft::linear` do what `aten::linear` does in the methods of a class that have not run.
void replace_linears(const c10::ClassType& type);

/// The groups of a convolution, from the constant of a scripted class or the graph of a traced one.
std::int64_t convolution_groups(const c10::ClassType& type);

}  // namespace oft
