#pragma once

#include <ATen/core/Tensor.h>

#include "oft/rotation.hpp"

namespace oft {

/// dL/dq [n, b(b-1)/2] of R = (I - Q)(I + Q)^-1 from R and dL/dR, both [n, b, b].
at::Tensor cayley_exact_backward(const at::Tensor& r, const at::Tensor& grad);

/// dL/dq of a Neumann series from q [n, b(b-1)/2] and dL/dR [n, b, b].
at::Tensor cayley_series_backward(const at::Tensor& q, const at::Tensor& grad,
                                  const RotationSpec& spec);

}  // namespace oft
