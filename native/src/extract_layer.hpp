#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "oft/extract.hpp"
#include "oft/rotation.hpp"
#include "oft/targets.hpp"

namespace oft {

/// The rotation of blocks of b that takes `base` nearest to `tuned`, weights of one kind and shape
/// in any floating-point types, with parameters of `dtype`; one for all blocks where `share` is
/// set. Fills all of `row` but its name.
/// Throws Error(kInvalidArgument) for weights that are not finite, and as `cayley_parameters` does.
Rotation extract_rotation(const at::Tensor& base, const at::Tensor& tuned, LayerKind kind,
                          std::int64_t block_size, bool share, at::ScalarType dtype,
                          ExtractedLayer& row);

}  // namespace oft
