#ifndef OFT_KERNELS_CPU_INVERT_BLOCKS_SIMD_H
#define OFT_KERNELS_CPU_INVERT_BLOCKS_SIMD_H

#include <cstdint>

#include "gauss_jordan_simd.h"
#include "invert_blocks_cpu.h"
#include "skew_simd.h"

// The inverse of general blocks over `Simd<double>`.
namespace oft::kernels {
namespace {

void invert_blocks_simd(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                        std::int64_t b, double* scratch) {
  using S = Simd<double>;
  const Layout<double> at(b);
  double* a = scratch;
  double* strip = a + b * at.stride;
  double* room = strip + b * kStripWidth;
  for (std::int64_t block = 0; block < blocks; ++block, r += b * b, inverse += b * b) {
    for_each_vector(at, [&](std::int64_t i, std::int64_t j) {
      S::store(a + i * at.stride + j, load_up_to<double>(r + i * b + j, b - j));
    });
    invert(at, a, 0.0, room);
    for_each_vector(at, [&](std::int64_t i, std::int64_t j) {
      store_up_to<double>(inverse + i * b + j, S::load(a + i * at.stride + j), b - j);
    });
    auto squares = S::zero();
    product(r, b, b, a, at.stride, b, at.columns, strip,
            [&](std::int64_t i, std::int64_t j, S::Vec v) {
              const auto error = S::add(v, S::unit(i - j, -1));
              squares = S::multiply_add(error, error, squares);
            });
    residuals[block] = __builtin_sqrt(sum_of_lanes<double>(squares));
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
