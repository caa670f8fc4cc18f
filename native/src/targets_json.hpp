#pragma once

#include <string>
#include <string_view>

#include "oft/config.hpp"

namespace oft {

/// `match_targets` for a model described in JSON: {"layers": [{"name", "kind", "class_name"?}...],
/// "model_type"?, "output_embedding"?, "is_pretrained_model"?}. Returns an array of
/// {"name", "rank"?}. Throws Error(kParse) where the document has another form.
std::string match_targets_json(const OFTConfig& config, std::string_view model);

}  // namespace oft
