#ifndef OFT_KERNELS_CPU_PANELS_SIMD_H
#define OFT_KERNELS_CPU_PANELS_SIMD_H

#include <cstdint>

#include "skew_simd.h"

// Matrices cut into squares of kLanes x kLanes, and products that make one square at a time: in
// registers, where it is also transposed.
namespace oft::kernels {
namespace {

/// b x b elements in panels of kLanes columns, one after another, so that a square is contiguous.
/// Panels have `columns` rows, whole squares; products read none from b on.
template <typename T>
struct Panels {
  static constexpr std::int64_t kLanes = Simd<T>::kLanes;

  std::int64_t b;
  std::int64_t columns;

  explicit Panels(std::int64_t size) : b(size), columns((size + kLanes - 1) / kLanes * kLanes) {}

  std::int64_t size() const { return columns * columns; }
  /// j is a multiple of kLanes.
  std::int64_t place(std::int64_t i, std::int64_t j) const { return j * columns + i * kLanes; }
};

template <typename T>
struct Square {
  typename Simd<T>::Vec rows[Simd<T>::kLanes];
};

template <typename T>
[[gnu::always_inline]] inline void store_square(const Square<T>& square, T* to) {
  using S = Simd<T>;
#pragma GCC unroll 16
  for (int k = 0; k < S::kLanes; ++k) S::store(to + k * S::kLanes, square.rows[k]);
}

/// diagonal I + factor a - other_factor other, a being a square in memory.
template <typename T>
[[gnu::always_inline]] inline Square<T> less_square(T diagonal, T factor, const T* a,
                                                    T other_factor, const Square<T>& other) {
  using S = Simd<T>;
  Square<T> result;
#pragma GCC unroll 16
  for (int k = 0; k < S::kLanes; ++k) {
    const auto sum =
        S::multiply_add(S::set(factor), S::load(a + k * S::kLanes), S::unit(k, diagonal));
    result.rows[k] = S::multiply_add(S::set(-other_factor), other.rows[k], sum);
  }
  return result;
}

/// The first R rows of a^T b, a and b being panels of `depth` rows; zeros below. Where rows are
/// few, odd and even terms have sums of their own: chains enough to hide the latency of each.
template <int R, typename T>
[[gnu::always_inline]] inline Square<T> first_rows(const T* a, const T* b, std::int64_t depth) {
  using S = Simd<T>;
  constexpr int kChains = R < 8 ? 2 : 1;
  typename S::Vec sums[kChains][R];
  for (auto& chain : sums) {
    for (auto& sum : chain) sum = S::zero();
  }
  const auto add = [&](std::int64_t t, int chain) {
    const auto row = S::load(b + t * S::kLanes);
#pragma GCC unroll 16
    for (int k = 0; k < R; ++k) {
      sums[chain][k] = S::multiply_add(S::broadcast(a + t * S::kLanes + k), row, sums[chain][k]);
    }
  };
  std::int64_t t = 0;
  for (; t + kChains <= depth; t += kChains) {
#pragma GCC unroll 2
    for (int chain = 0; chain < kChains; ++chain) add(t + chain, chain);
  }
  if (t < depth) add(t, 0);

  Square<T> product;
#pragma GCC unroll 16
  for (int k = 0; k < S::kLanes; ++k) {
    product.rows[k] = k >= R         ? S::zero()
                      : kChains == 1 ? sums[0][k]
                                     : S::add(sums[0][k], sums[kChains - 1][k]);
  }
  return product;
}

/// a^T b, of which the first `rows` rows count.
template <typename T>
[[gnu::always_inline]] inline Square<T> square_product(const T* a, const T* b, std::int64_t depth,
                                                       std::int64_t rows) {
  constexpr int kLanes = Simd<T>::kLanes;
  if (2 * rows > kLanes) return first_rows<kLanes>(a, b, depth);
  if (4 * rows > kLanes) return first_rows<kLanes / 2>(a, b, depth);
  return first_rows<kLanes / 4>(a, b, depth);
}

/// Calls visit(i, j, square) for every square of a^T a, of whose rows the first `depth` count;
/// those below the diagonal are those above it transposed.
template <typename T, typename Visit>
void for_each_gram_square(const Panels<T>& at, const T* a, std::int64_t depth, Visit visit) {
  constexpr std::int64_t kLanes = Simd<T>::kLanes;
  for (std::int64_t j = 0; j < at.columns; j += kLanes) {
    for (std::int64_t i = 0; i <= j; i += kLanes) {
      Square<T> square = square_product(a + at.place(0, i), a + at.place(0, j), depth, at.b - i);
      visit(i, j, square);
      if (i == j) continue;
      transpose<T>(square.rows);
      visit(j, i, square);
    }
  }
}

/// Calls visit(i, j, square) for every square of a^T b.
template <typename T, typename Visit>
void for_each_product_square(const Panels<T>& at, const T* a, const T* b, Visit visit) {
  constexpr std::int64_t kLanes = Simd<T>::kLanes;
  for (std::int64_t j = 0; j < at.columns; j += kLanes) {
    for (std::int64_t i = 0; i < at.columns; i += kLanes) {
      visit(i, j, square_product(a + at.place(0, i), b + at.place(0, j), at.b, at.b - i));
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
