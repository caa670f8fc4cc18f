#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace oft {

/// Features of dimension `dim`, which lie as [.., 2, distance], in the order [.., distance, 2] in
/// which blocks of a butterfly factor meet them (BOFT, arXiv 2311.06243). Contiguous.
at::Tensor to_butterfly(const at::Tensor& x, std::int64_t dim, std::int64_t distance);

/// The inverse.
at::Tensor from_butterfly(const at::Tensor& x, std::int64_t dim, std::int64_t distance);

}  // namespace oft
