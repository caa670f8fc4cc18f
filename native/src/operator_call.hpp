#pragma once

#include <ATen/core/ivalue.h>

#include <string_view>
#include <vector>

#include "oft/module_tree.hpp"

namespace oft {

/// Calls an operator of libtorch's dispatcher, recording gradients where an operand requires them.
///
/// `name` is "aten::softmax", whose first overload that takes the arguments is called, or names an
/// overload, "aten::softmax.int". Several results come as a tuple, none as None.
/// Throws Error(kNotFound) with the nearest names, Error(kInvalidArgument) with the signatures
/// where none takes the arguments, and what libtorch throws as Error with the operator's name.
c10::IValue call_operator(std::string_view name, const std::vector<c10::IValue>& args,
                          const Kwargs& kwargs = {});

}  // namespace oft
