#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oft/model.hpp"

namespace oft {

/// {"low_cpu_mem_usage", "keep_base_weights", "model_type", "output_embedding",
/// "is_pretrained_model"}, each of which may be absent; the empty text has none of them.
/// Throws Error(kParse), or Error(kInvalidArgument) naming key, value and remedy.
OFTModelOptions parse_model_options(std::string_view json);

/// A JSON array of adapter names. Throws Error(kParse).
std::vector<std::string> parse_adapter_names(std::string_view json);

}  // namespace oft
