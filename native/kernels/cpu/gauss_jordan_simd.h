#ifndef OFT_KERNELS_CPU_GAUSS_JORDAN_SIMD_H
#define OFT_KERNELS_CPU_GAUSS_JORDAN_SIMD_H

#include <cstdint>

#include "gauss_jordan.h"
#include "skew_simd.h"

// Gauss-Jordan elimination turns A into its inverse in place. With `less` = 1, not 0, both are
// stored less I: differences from the identity then keep all their digits.
namespace oft::kernels {
namespace {

/// Step K of the elimination of n rows, which are in registers.
template <typename T, int K = 0>
[[gnu::always_inline]] inline void eliminate_from(typename Simd<T>::Vec* rows, std::int64_t n,
                                                  T less) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  if constexpr (K < S::kLanes) {
    if (K >= n) return;
    const Vec pivot = spread<T, K>(rows[K]);
    const Vec reciprocal = S::divide(S::set(1), S::add(S::set(less), pivot));
    const Vec inverse = less == 0 ? reciprocal  // reciprocal - less
                                  : S::multiply(S::multiply(S::set(-1), pivot), reciprocal);
    rows[K] = replace<T, K>(S::multiply(rows[K], reciprocal), inverse);
    const Vec minus_row = S::multiply(S::set(-1), rows[K]);
    const Vec keep = replace<T, K>(S::set(1), S::set(-less));
#pragma GCC unroll 16
    for (int i = 0; i < S::kLanes; ++i) {
      if (i == K) continue;
      const Vec factor = spread<T, K>(rows[i]);
      rows[i] = S::multiply_add(factor, minus_row, S::multiply(rows[i], keep));
    }
    eliminate_from<T, K + 1>(rows, n, less);
  }
}

/// Inverts n x n elements, n at most a vector.
template <typename T>
void invert_tile(T* a, std::int64_t stride, std::int64_t n, T less) {
  using S = Simd<T>;
  typename S::Vec rows[S::kLanes];
#pragma GCC unroll 16
  for (std::int64_t i = 0; i < S::kLanes; ++i) {
    rows[i] = i < n ? S::load_between(a + i * stride, 0, n) : S::zero();
  }
  eliminate_from<T>(rows, n, less);
#pragma GCC unroll 16
  for (std::int64_t i = 0; i < S::kLanes; ++i) {
    if (i < n) S::store_between(a + i * stride, rows[i], 0, n);
  }
}

/// Inverts panel by panel: for the rows and columns K of a panel and all other ones i and j,
///     a[K,j] = D a[K,j],   a[K,K] = D,   a[i,j] -= a[i,K] a[K,j],   a[i,K] = -a[i,K] D
/// with D the inverse of a[K,K], which is got by narrower panels and, at last, tiles. `room` holds
/// the panel's rows, -a[i,K], and the same for the narrower ones.
template <typename T>
void invert(const Layout<T>& at, T* a, T less, T* room) {
  using S = Simd<T>;
  const std::int64_t width = at.b > 2 * kEliminated ? kEliminated : at.b > 16 ? 16 : S::kLanes;
  using Vec = typename S::Vec;
  T* const no_strip = nullptr;  // `product` copies nothing of so little depth
  const std::int64_t stride = at.stride;
  T* rows = room;
  T* factors = rows + width * stride;
  T* inner_room = factors + at.b * width;
  for (std::int64_t k = 0; k < at.b; k += width) {
    const std::int64_t n = at_most(at.b - k, width);
    const std::int64_t end = k + n;
    T* panel = a + k * stride;
    if (n <= S::kLanes) {
      invert_tile(panel + k, stride, n, less);
    } else {
      invert(Layout<T>(n, stride), panel + k, less, inner_room);
    }
    if (at.b <= width) return;

    const auto multiply_rows = [&](std::int64_t first, std::int64_t last) {
      product(panel + k, stride, n, panel + first, stride, n, last - first, no_strip,
              [&](std::int64_t i, std::int64_t j, Vec v) {
                const std::int64_t t = i * stride + first + j;
                S::store(rows + t, S::multiply_add(S::set(less), S::load(panel + t), v));
              });
    };
    multiply_rows(0, k);
    if (end < at.b) multiply_rows(end, at.columns);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = k; j < end; j += S::kLanes) {
        S::store(rows + i * stride + j, S::load(panel + i * stride + j));
      }
    }

    const auto eliminate = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = 0; j < n; j += S::kLanes) {
          T* p = a + i * stride + k + j;
          const Vec factor = S::multiply(S::set(-1), S::load(p));
          S::store(factors + i * width + j, factor);
          S::store(p, S::multiply(S::set(less), factor));
        }
      }
      product(factors + first * width, width, last - first, rows, stride, n, at.columns, no_strip,
              [&](std::int64_t i, std::int64_t j, Vec v) {
                T* p = a + (first + i) * stride + j;
                S::store(p, S::add(S::load(p), v));
              });
    };
    eliminate(0, k);
    eliminate(end, at.b);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < at.columns; j += S::kLanes) {
        S::store(panel + i * stride + j, S::load(rows + i * stride + j));
      }
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
