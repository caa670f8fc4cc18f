#pragma once

#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/api/object.h>

#include <string>
#include <vector>

#include "oft/module_tree.hpp"

namespace oft {

/// Runs a method of an object on this thread, under this thread's grad mode. Throws
/// Error(kNotFound) listing the methods where there is none of that name, Error(kInvalidArgument)
/// where arguments do not fit it, and what fails inside as Error with the text of its cause.
c10::IValue call_method(const torch::jit::ObjectPtr& object, const std::string& method,
                        std::vector<c10::IValue> args, const Kwargs& kwargs);

}  // namespace oft
