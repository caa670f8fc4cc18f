#pragma once

#include <ATen/core/ivalue.h>

#include <vector>

#include "handles.hpp"
#include "oft/module_tree.hpp"

namespace oft::c_api {

/// The number of what a value is; an undefined tensor is none. Throws Error(kUnsupported).
oft_value_kind kind_of(const c10::IValue& value);

/// "a tensor", "a list", ... or libtorch's word for what has no number.
std::string describe(const c10::IValue& value);

/// Positional arguments.
std::vector<c10::IValue> values_in(const oft_value* const* values, std::size_t count,
                                   const char* name);

/// Keyword arguments: NULL, or a dictionary whose keys are texts.
Kwargs kwargs_in(const oft_value* kwargs);

}  // namespace oft::c_api
