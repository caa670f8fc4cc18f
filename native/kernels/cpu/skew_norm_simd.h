#ifndef OFT_KERNELS_CPU_SKEW_NORM_SIMD_H
#define OFT_KERNELS_CPU_SKEW_NORM_SIMD_H

#include <cstdint>

#include "lanczos.h"
#include "skew_norm_cpu.h"
#include "skew_norm_lanes_simd.h"
#include "skew_simd.h"

// Norms of skew-symmetric matrices over `Simd<double>`.
namespace oft::kernels {
namespace {

/// w += Q v, reading each parameter once. Vectors have zeros from b on.
template <typename T>
void add_skew_product(const T* q, std::int64_t b, const double* v, double* w) {
  using S = Simd<double>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < b; i0 += kLanes) {
    S::Vec sums[kLanes];
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < kLanes; ++r) {
      const std::int64_t i = i0 + r;
      sums[r] = S::zero();
      const auto minus_v = S::set(-v[i]);
      for (std::int64_t j = i + 1; j < b; j += kLanes) {
        const auto row = load_up_to<double>(q + packed_row(i, b) + j, b - j);
        sums[r] = S::multiply_add(row, S::load(v + j), sums[r]);
        S::store(w + j, S::multiply_add(row, minus_v, S::load(w + j)));
      }
    }
    // Transposed, all the sums of these rows are lanes of one vector.
    transpose<double>(sums);
    auto total = S::load(w + i0);
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < kLanes; ++r) total = S::add(total, sums[r]);
    S::store(w + i0, total);
  }
}

template <typename T>
void skew_norms_simd(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                     double* scratch) {
  const std::int64_t parameters = b * (b - 1) / 2;
  constexpr std::int64_t kLanes = Simd<double>::kLanes;
  for (std::int64_t first = 0; first < blocks; first += kLanes) {
    const std::int64_t count = at_most(blocks - first, kLanes);
    const T* here = q + first * parameters;
    if (b <= kNormLanesBlock && count * kFilledLanesBlock > b * kLanes) {
      skew_norms_lanes(here, norms + first, count, b, scratch);
      continue;
    }
    for (std::int64_t k = 0; k < count; ++k, here += parameters) {
      norms[first + k] = lanczos_norm(
          b, scratch, [&](const double* v, double* w) { add_skew_product(here, b, v, w); });
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
