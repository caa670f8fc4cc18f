#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

#include "oft/safetensors.hpp"

namespace oft {

/// The libtorch type of a stored tensor. Throws Error(kUnsupported) naming `what` where there is
/// none.
c10::ScalarType scalar_type(SafetensorsDType dtype, const std::string& what);

/// The stored type of a tensor. Throws Error(kUnsupported) naming `what` where there is none.
SafetensorsDType safetensors_dtype(c10::ScalarType type, const std::string& what);

/// float16, bfloat16, float32 or float64: the types a weight can be rotated in.
bool is_rotatable(c10::ScalarType type);

/// "float32", "bfloat16", ...: Python's names of libtorch types.
std::string torch_name(c10::ScalarType type);

/// The floating-point type of that name ("float16", "bfloat16", "float32", "float64"), or nothing.
std::optional<c10::ScalarType> floating_type(std::string_view torch_name);

}  // namespace oft
