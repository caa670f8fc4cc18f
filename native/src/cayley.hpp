#pragma once

#include <ATen/core/Tensor.h>

#include <complex>
#include <vector>

#include "oft/rotation.hpp"

namespace oft {

/// R [n, b, b] from q [n, b(b-1)/2], float32 or float64, by the formula of `spec` (COFT and
/// sharing aside). CPU tensors go to the kernels, others through `cayley_aten`.
at::Tensor cayley(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec);

/// c of the series R = c[0] I + c[1] Q + c[2] Q^2 + ... that `spec` asks for.
std::vector<double> neumann_coefficients(const RotationSpec& spec);

/// The eigenvalue of R that the formula of `spec` makes of the eigenvalue i*theta of Q.
std::complex<double> turn(double theta, const RotationSpec& spec);

/// `cayley` by libtorch's operators, on any device.
at::Tensor cayley_aten(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec);

}  // namespace oft
