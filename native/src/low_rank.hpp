#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace oft {

/// B A near to a matrix [m, n], singular values shared evenly between both.
struct LowRank {
  at::Tensor b;     ///< [m, rank], float32
  at::Tensor a;     ///< [rank, n], float32
  double residual;  ///< ||matrix - B A||_F of what is returned
};

/// The best approximation of a float64 matrix by `rank`, at most min(m, n): by a singular value
/// decomposition where the matrix is small, else by that of its projection on a random subspace
/// refined by power iterations (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1), the same
/// in every run.
LowRank low_rank(const at::Tensor& matrix, std::int64_t rank);

}  // namespace oft
