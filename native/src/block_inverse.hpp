#pragma once

#include <ATen/core/Tensor.h>

namespace oft {

/// The inverse of each block of r, [n, b, b] of float64: by the kernel without pivoting where that
/// is exact to rounding, else by LU. Throws Error(kInvalidArgument) naming a block that is singular
/// or not finite.
at::Tensor invert_blocks(const at::Tensor& r);

}  // namespace oft
