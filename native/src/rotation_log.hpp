#pragma once

#include <ATen/core/Tensor.h>

#include "oft/rotation.hpp"

namespace oft {

/// The largest |theta| of a Q that the exact formula is given, 2/1000 rad before half a turn: the
/// float32 kernels lose about this factor of their precision.
inline constexpr double kLargestTheta = 1000;

/// A [rows, b, b] in float64, skew-symmetric, with angles in (-pi, pi]: R = exp(A) is the rotation
/// nearest to that of each block, its radius included. Throws Error(kInvalidArgument) naming the
/// block where a plane of a Neumann series is singular, so that no rotation is nearest.
at::Tensor rotation_log(const Rotation& rotation);

/// q [n, b(b-1)/2] in float64 of the exact Cayley formula for exp(A): Q = -tan(A/2).
/// Throws Error(kInvalidArgument) naming block and angle where |theta| passes kLargestTheta.
at::Tensor cayley_of_log(const at::Tensor& log);

/// The same for the power of a rotation: one function of Q instead of two.
at::Tensor cayley_of_power(const Rotation& rotation, double exponent);

}  // namespace oft
