#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace oft {

/// The largest ||R^T R - I||_F of the blocks R [blocks, b, b], float32 or float64, by float64
/// arithmetic. NaN where one is NaN.
double worst_orthogonality(const at::Tensor& r);

/// The largest singular value of the skew-symmetric blocks of which q [blocks, b(b-1)/2] are the
/// upper triangles, by float64 arithmetic. NaN where they are not finite.
double largest_singular_value(const at::Tensor& q, std::int64_t block_size);

}  // namespace oft
