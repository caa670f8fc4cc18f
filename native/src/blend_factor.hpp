#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "oft/blend.hpp"
#include "oft/rotation.hpp"

namespace oft {

/// One adapter's rotation of a factor of a layer, and its weight.
struct BlendTerm {
  Rotation rotation;
  double weight;
};

/// What the terms make together.
struct BlendedFactor {
  at::Tensor q;  ///< [rows, b(b-1)/2] of the exact formula
  std::int64_t block_size;
  bool is_shared;  ///< one block for all
};

/// The blend of one factor; `adapters` of the layer, the terms among them that turn it. Throws
/// Error(kInvalidArgument) where block sizes or features do not go together.
BlendedFactor blend_factor(const std::vector<BlendTerm>& terms, BlendRule rule);

}  // namespace oft
