#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace oft {

/// X [n, b, b] of SO(b) that maximise tr(X^T M) for matrices M [n, b, b] in float64 (Kabsch 1976):
/// U D V^T with D = diag(1, .., 1, det(U V^T)). Runs on several threads.
at::Tensor nearest_rotations(const at::Tensor& matrices);

/// The parameters of the exact Cayley formula for rotations, R = (I - Q)(I + Q)^-1.
struct CayleyParameters {
  at::Tensor q;              ///< [n, b(b-1)/2], float64
  std::int64_t held_blocks;  ///< which turn a plane by more than the formula has bounded q for
};

/// Q = (I - R)(I + R)^-1 of rotations [n, b, b] in float64. Planes that turn by half a turn, or
/// nearly, are held at |theta| = kLargestTheta, 2/1000 rad before it.
CayleyParameters cayley_parameters(const at::Tensor& rotations);

}  // namespace oft
