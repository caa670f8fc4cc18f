#pragma once

#include <string>
#include <string_view>

#include "oft/config.hpp"

namespace oft {

/// What a tensor of an adapter file is, told from its name.
struct AdapterKey {
  enum class Role {
    kRotation,           ///< `P.oft_R.weight`: q
    kEmbeddingRotation,  ///< `P.oft_embedding_R.weight`: q
    kLegacyRotation,     ///< `P.oft_r`, PEFT 0.14-0.15: the matrix A with Q = (A - A^T)/2
    kLegacyScale,        ///< `P.oft_s`, the same: a factor for each output
    kReplacement,        ///< a base parameter
    kDuplicate,          ///< a copy that PEFT writes and never reads
    kUnused,             ///< nothing in the config announces it
  };
  Role role;
  std::string name;  ///< module path for rotations, parameter name for replacements
};

inline constexpr std::string_view kPeftPrefix = "base_model.model.";

/// `name` without `base_model.model.` in front.
std::string_view without_prefix(std::string_view name);

AdapterKey classify_adapter_key(std::string_view key, const OFTConfig& config);

}  // namespace oft
