#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "oft/export.hpp"
#include "oft/rotation.hpp"

/// Differentiable operations, for any device that libtorch has. Two are known to libtorch's
/// dispatcher, and so to TorchScript: `oft::rotate(Tensor(a) x, Tensor[] rotations) -> Tensor(a)`
/// and `oft::linear(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor`.
namespace oft::functional {

/// x R1 R2 ... for x [..., features] and R [features / b, b, b], or [1, b, b] where one block
/// serves for all; x itself where there is no R. The result has x's dtype: each R is float64 for
/// float64 x and float32 otherwise, and sums run in that type, under autocast too.
/// Throws Error(kInvalidArgument) where an R does not fit x, and Error(kUnsupported) for a second
/// derivative.
OFT_EXPORT at::Tensor rotate(const at::Tensor& x, at::TensorList rotations);

/// R [n, b, b] from q [n, b(b-1)/2], float32 or float64, by the formula of `spec`; its COFT radius
/// and sharing do not count here. Backward of the exact formula, with A = (I + Q)^-1 = (R + I)/2:
/// dL/dQ = -2 A^T (dL/dR) A^T; of the series: Horner's scheme in reverse. A second derivative
/// throws Error(kUnsupported).
OFT_EXPORT at::Tensor cayley(const at::Tensor& q, std::int64_t block_size,
                             const RotationSpec& spec);

/// x W^T + bias as at::linear has it, whatever that takes. Where W is float32 on the CPU and
/// frozen, and the product is large, oneDNN computes it if that is faster here than libtorch's
/// BLAS, which is measured once, at the first such product: the same sums in another order. The
/// environment variable OFT_LINEAR, read once, decides instead: "blas", "onednn", or "auto". Throws
/// Error(kInvalidArgument) where it is something else, Error(kUnsupported) for a libtorch without
/// oneDNN.
OFT_EXPORT at::Tensor linear(const at::Tensor& x, const at::Tensor& weight,
                             const std::optional<at::Tensor>& bias = std::nullopt);

}  // namespace oft::functional
