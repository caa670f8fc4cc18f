#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "oft/rotation.hpp"

/// Fused kernels of devices other than the CPU. Where there is none, libtorch's operators do.
namespace oft {

/// As the functions of those names in rotate_blocks.hpp.
struct RotateKernels {
  at::Tensor (*rotate_blocks)(const at::Tensor& x, const at::Tensor& m);
  /// To y, which is contiguous, of the size and type of x, and may be x itself.
  void (*rotate_blocks_to)(const at::Tensor& x, const at::Tensor& m, const at::Tensor& y);
  at::Tensor (*rotate_blocks_backward)(const at::Tensor& x, const at::Tensor& y_grad,
                                       const at::Tensor& m);
};

/// As the functions of those names in cayley.hpp and cayley_backward.hpp.
struct CayleyKernels {
  at::Tensor (*cayley)(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec);
  at::Tensor (*cayley_exact_backward)(const at::Tensor& r, const at::Tensor& grad);
  at::Tensor (*cayley_series_backward)(const at::Tensor& q, const at::Tensor& grad,
                                       const RotationSpec& spec);
};

/// Those for the device of `tensor` and blocks of `block_size`; null where this build has none.
const RotateKernels* rotate_kernels(const at::Tensor& tensor, std::int64_t block_size);
const CayleyKernels* cayley_kernels(const at::Tensor& tensor, std::int64_t block_size);

}  // namespace oft
