#pragma once

#include <ATen/core/Tensor.h>

namespace oft {

/// y[..., k*b + j] = sum_t x[..., k*b + t] m[k, t, j] for x [..., blocks * b], m [blocks or 1, b,
/// b]. m is float64 for float64 x and float32 otherwise; 16-bit x is rounded once. CPU tensors go
/// to the kernel, others through `rotate_blocks_aten`.
at::Tensor rotate_blocks(const at::Tensor& x, const at::Tensor& m);

/// The same by libtorch's operators, on any device.
at::Tensor rotate_blocks_aten(const at::Tensor& x, const at::Tensor& m);

/// The gradient of m [blocks or 1, b, b] from x and that of `rotate_blocks(x, m)`, in the type of
/// m. The bits do not depend on the number of threads.
at::Tensor rotate_blocks_backward(const at::Tensor& x, const at::Tensor& y_grad,
                                  const at::Tensor& m);

/// y[k*b + j, c] = sum_t m[k, j, t] x[k*b + t, c] for x [blocks * b, columns], types as above.
at::Tensor rotate_blocks_left(const at::Tensor& x, const at::Tensor& m);

/// The kernel of `rotate_blocks` over raw rows of `columns` elements of `dtype`; x may be y.
/// m is contiguous. Single-threaded.
void rotate_rows(const void* x, void* y, std::int64_t rows, std::int64_t columns,
                 const at::Tensor& m, at::ScalarType dtype);

/// The kernel of `rotate_blocks_left` over rows from the first row of a block, `first_row`, on.
void rotate_rows_left(const void* x, void* y, std::int64_t first_row, std::int64_t rows,
                      std::int64_t columns, const at::Tensor& m, at::ScalarType dtype);

}  // namespace oft
