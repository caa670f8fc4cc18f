#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace oft {

/// An odd function of the eigenvalues i*theta of skew-symmetric matrices.
struct OddFunction {
  /// f(theta) for theta > 0; not finite where there is no value.
  std::function<double(double theta)> value;
  /// Throws for a block with such an eigenvalue.
  std::function<void(double theta, std::int64_t block)> refuse;
};

/// Matrices Q [n, b, b] in float64 with each eigenvalue i*theta made i*f(theta). By a polynomial
/// where f is smooth up to the largest theta, so that few terms give it to rounding, else by
/// eigenvectors. Runs on several threads. Throws Error(kInvalidArgument) where Q is not finite.
at::Tensor apply_odd_function(const at::Tensor& skew, const OddFunction& f);

}  // namespace oft
