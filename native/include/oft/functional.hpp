#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "oft/export.hpp"
#include "oft/rotation.hpp"

/// Differentiable operations, for any device that libtorch has. `rotate` is known to libtorch's
/// dispatcher, and so to TorchScript, as `oft::rotate(Tensor(a) x, Tensor[] rotations) ->
/// Tensor(a)`. Second derivatives throw Error(kUnsupported).
namespace oft::functional {

/// x R1 R2 ... for x [..., features] and R [features / b, b, b], or [1, b, b] where one block
/// serves for all; x itself where there is no R. The result has x's dtype: each R is float64 for
/// float64 x and float32 otherwise, and sums run in that type, under autocast too.
/// Throws Error(kInvalidArgument) where an R does not fit x.
OFT_EXPORT at::Tensor rotate(const at::Tensor& x, at::TensorList rotations);

/// R [n, b, b] from q [n, b(b-1)/2], float32 or float64, by the formula of `spec`; its COFT radius
/// and sharing do not count here. Backward of the exact formula, with A = (I + Q)^-1 = (R + I)/2:
/// dL/dQ = -2 A^T (dL/dR) A^T; of the series: Horner's scheme in reverse.
OFT_EXPORT at::Tensor cayley(const at::Tensor& q, std::int64_t block_size,
                             const RotationSpec& spec);

}  // namespace oft::functional
