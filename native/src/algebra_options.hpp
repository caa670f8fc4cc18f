#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

#include "config_fields.hpp"

namespace oft {

/// The fields of the JSON object of options that a job is called with, empty text being no option.
/// Throws Error(kParse).
FieldReader option_fields(std::string_view json, const std::string& job);

/// Throws Error(kInvalidArgument) for an option that nobody took; `known` lists those that exist.
void require_no_more(const FieldReader& fields, const std::string& job, const std::string& known);

/// Reads the name of a floating-point type; null leaves `out` alone.
void read_dtype(FieldReader& fields, std::optional<c10::ScalarType>& out);

}  // namespace oft
