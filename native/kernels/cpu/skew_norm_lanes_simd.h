#ifndef OFT_KERNELS_CPU_SKEW_NORM_LANES_SIMD_H
#define OFT_KERNELS_CPU_SKEW_NORM_LANES_SIMD_H

#include <cstdint>

#include "lanczos.h"
#include "skew_norm_cpu.h"
#include "skew_simd.h"

// Norms of skew-symmetric matrices, one to a lane of `Simd<double>`.
namespace oft::kernels {
namespace {

/// The elements above the diagonals of kLanes matrices, lane by lane, in the order in which
/// `add_skew_product_lanes` takes them: of kNormRows rows the triangle on the diagonal, row by row,
/// then what is right of it, column by column. Zeros from b on.
template <typename T>
void skew_to_lanes(const T* q, std::int64_t blocks, std::int64_t b, T* lanes) {
  constexpr std::int64_t kLanes = Simd<double>::kLanes;
  const auto put = [&](std::int64_t i, std::int64_t j) {
    const T* element = q + packed_row(i, b) + j;
    for (std::int64_t k = 0; k < kLanes; ++k, element += b * (b - 1) / 2) {
      *lanes++ = k < blocks && i < b && j < b ? *element : T{0};
    }
  };
  for (std::int64_t i = 0; i < b; i += kNormRows) {
    const std::int64_t right = i + kNormRows;
    for (std::int64_t r = i; r < right; ++r) {
      for (std::int64_t j = r + 1; j < right; ++j) put(r, j);
    }
    for (std::int64_t j = right; j < norm_rows(b); ++j) {
      for (std::int64_t r = i; r < right; ++r) put(r, j);
    }
  }
}

/// w += Q v
template <typename T, typename Vec>
void add_skew_product_lanes(const T* lanes, std::int64_t b, const Vec* v, Vec* w) {
  using S = Simd<double>;
  const auto next = [&]() -> Vec {
    const Vec value = S::load(lanes);
    lanes += S::kLanes;
    return value;
  };
  for (std::int64_t i = 0; i < b; i += kNormRows) {
    Vec factors[kNormRows];
    Vec sums[kNormRows];
#pragma GCC unroll 4
    for (std::int64_t r = 0; r < kNormRows; ++r) {
      factors[r] = v[i + r];
      sums[r] = w[i + r];
    }
#pragma GCC unroll 4
    for (std::int64_t r = 0; r < kNormRows; ++r) {
#pragma GCC unroll 4
      for (std::int64_t j = r + 1; j < kNormRows; ++j) {
        const Vec value = next();
        sums[r] += value * factors[j];
        sums[j] -= value * factors[r];
      }
    }
    for (std::int64_t j = i + kNormRows; j < norm_rows(b); ++j) {
      Vec turned = w[j];
#pragma GCC unroll 4
      for (std::int64_t r = 0; r < kNormRows; ++r) {
        const Vec value = next();
        sums[r] += value * v[j];
        turned -= value * factors[r];
      }
      w[j] = turned;
    }
#pragma GCC unroll 4
    for (std::int64_t r = 0; r < kNormRows; ++r) w[i + r] = sums[r];
  }
}

/// Up to kLanes norms.
template <typename T>
void skew_norms_lanes(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                      double* scratch) {
  auto* numbers = reinterpret_cast<Simd<double>::Vec*>(scratch);
  T* lanes = reinterpret_cast<T*>(numbers + norm_numbers(b));
  skew_to_lanes(q, blocks, b, lanes);
  const auto norm = lanczos_norm(
      b, numbers, [&](const auto* v, auto* w) { add_skew_product_lanes(lanes, b, v, w); });
  store_up_to<double>(norms, norm, blocks);
}

}  // namespace
}  // namespace oft::kernels

#endif
