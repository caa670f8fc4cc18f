#pragma once

#include <ATen/core/Tensor.h>

namespace oft {

/// y[..., k*b + j] = sum_t x[..., k*b + t] m[k, t, j] for x [..., blocks * b], m [blocks or 1, b,
/// b]. m is float64 for float64 x and float32 otherwise; 16-bit x is rounded once. CPU tensors go
/// to the kernel, others through `rotate_blocks_aten`.
at::Tensor rotate_blocks(const at::Tensor& x, const at::Tensor& m);

/// The same by libtorch's operators, on any device.
at::Tensor rotate_blocks_aten(const at::Tensor& x, const at::Tensor& m);

/// The kernel over raw rows of `m.size(-1) * blocks` elements of `dtype`; x may be y.
/// Single-threaded.
void rotate_rows(const void* x, void* y, std::int64_t rows, std::int64_t blocks,
                 const at::Tensor& m, at::ScalarType dtype);

}  // namespace oft
