#ifndef OFT_KERNELS_CPU_ORTHOGONALITY_SIMD_H
#define OFT_KERNELS_CPU_ORTHOGONALITY_SIMD_H

#include <cstdint>

#include "orthogonality_cpu.h"
#include "skew_simd.h"

// |R^T R - I|_F over `Simd<double>`.
namespace oft::kernels {
namespace {

template <typename T>
void orthogonality_errors_simd(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                               double* scratch) {
  using S = Simd<double>;
  constexpr std::int64_t kWidth = 2 * S::kLanes;
  const Layout<double> at(b);
  double* matrix = scratch;
  double* transposed = matrix + b * at.stride;
  double* strip = transposed + b * at.stride;
  for (std::int64_t block = 0; block < blocks; ++block, r += b * b) {
    for_each_vector(at, [&](std::int64_t i, std::int64_t j) {
      S::store(matrix + i * at.stride + j, load_up_to<double>(r + i * b + j, b - j));
    });
    load_transposed(r, 0.0, at, transposed);

    // R^T R is symmetric: strip by strip, what is above the strip's square of the diagonal counts
    // twice.
    auto squares = S::zero();
    auto twice = S::zero();
    for (std::int64_t j = 0; j < b; j += kWidth) {
      product(transposed, at.stride, at_most(j + kWidth, b), matrix + j, at.stride, b,
              at_most(kWidth, at.columns - j), strip,
              [&](std::int64_t i, std::int64_t c, S::Vec v) {
                if (i < j) {
                  twice = S::multiply_add(v, v, twice);
                } else {
                  const auto error = S::add(v, S::unit(i - j - c, -1));
                  squares = S::multiply_add(error, error, squares);
                }
              });
    }
    squares = S::multiply_add(S::set(2), twice, squares);
    errors[block] = __builtin_sqrt(sum_of_lanes<double>(squares));
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
