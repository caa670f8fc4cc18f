#pragma once

#include <ATen/core/Tensor.h>

#include "oft/rotation.hpp"

namespace oft {

/// R [n, b, b] from q [n, b(b-1)/2], float32 or float64, by the formula of `spec` (COFT and
/// sharing aside). CPU tensors go to the kernels, others through `cayley_aten`.
at::Tensor cayley(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec);

/// The same by libtorch's operators, on any device.
at::Tensor cayley_aten(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec);

}  // namespace oft
