#ifndef OFT_KERNELS_CPU_PRODUCT_SIMD_H
#define OFT_KERNELS_CPU_PRODUCT_SIMD_H

#include <cstdint>

#include OFT_SIMD  // the including unit's choice: simd_avx2.h or simd_avx512.h

// Matrix product over `Simd<T>`.
namespace oft::kernels {
namespace {

/// The first `n` elements at p, or a whole vector where there are more; zeros fill it up.
template <typename M, typename T>
typename Simd<M>::Vec load_up_to(const T* p, std::int64_t n) {
  return n >= Simd<M>::kLanes ? Simd<M>::load(p) : Simd<M>::load(p, n);
}

/// Stores the first `n` lanes, or all where there are fewer.
template <typename M, typename T>
void store_up_to(T* p, typename Simd<M>::Vec v, std::int64_t n) {
  if (n >= Simd<M>::kLanes) {
    Simd<M>::store(p, v);
  } else {
    Simd<M>::store(p, v, n);
  }
}

template <typename T, int R, int C>
struct Tile {
  typename Simd<T>::Vec at[R][C];
};

/// R rows of a times C vectors of columns of b, each sum one chain over `depth` from zero.
template <int R, int C, typename T>
[[gnu::always_inline]] inline Tile<T, R, C> tile_product(const T* a, std::int64_t a_stride,
                                                         const T* b, std::int64_t b_stride,
                                                         std::int64_t depth) {
  using S = Simd<T>;
  Tile<T, R, C> sum;
  for (auto& row : sum.at) {
    for (auto& v : row) v = S::zero();
  }
  for (std::int64_t t = 0; t < depth; ++t) {
    typename S::Vec columns[C];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) columns[c] = S::load(b + t * b_stride + c * S::kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const auto x = S::broadcast(a + r * a_stride + t);
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) sum.at[r][c] = S::multiply_add(x, columns[c], sum.at[r][c]);
    }
  }
  return sum;
}

/// One strip of C vectors of columns: tiles of R rows, then what is left in smaller ones.
template <int R, int C, typename T, typename Store>
void strip_product(const T* a, std::int64_t a_stride, std::int64_t rows, const T* b,
                   std::int64_t b_stride, std::int64_t depth, std::int64_t row0, Store store) {
  std::int64_t i = 0;
  for (; i + R <= rows; i += R) {
    const auto tile = tile_product<R, C>(a + i * a_stride, a_stride, b, b_stride, depth);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) store(row0 + i + r, c * Simd<T>::kLanes, tile.at[r][c]);
    }
  }
  if constexpr (R > 1) {
    if (i < rows) {
      strip_product<R / 2, C>(a + i * a_stride, a_stride, rows - i, b, b_stride, depth, row0 + i,
                              store);
    }
  }
}

/// Whether `product` copies b, strip by strip: where its rows do not end at a vector, or lie so far
/// apart that reading them again for more rows would miss the cache.
template <typename T>
bool copies_strips(std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  return columns % Simd<T>::kLanes != 0 || (depth > 64 && rows > Simd<T>::kTileRows);
}

/// a (rows x depth) times b (depth x columns): `store(i, j, v)` gets the products of row i from
/// column j on, one vector after another; the last one of a row holds what `columns` leaves, then
/// zeros. `strip` is room for depth x 2 vectors where `copies_strips`.
template <typename T, typename Store>
void product(const T* a, std::int64_t a_stride, std::int64_t rows, const T* b,
             std::int64_t b_stride, std::int64_t depth, std::int64_t columns, T* strip,
             Store store) {
  using S = Simd<T>;
  constexpr std::int64_t kWidth = 2 * S::kLanes;
  const bool copies = copies_strips<T>(rows, depth, columns);
  for (std::int64_t j = 0; j < columns; j += kWidth) {
    const std::int64_t left = columns - j < kWidth ? columns - j : kWidth;
    const T* from = b + j;
    std::int64_t from_stride = b_stride;
    if (copies) {
      for (std::int64_t t = 0; t < depth; ++t) {
        for (std::int64_t c = 0; c < left; c += S::kLanes) {
          S::store(strip + t * kWidth + c, load_up_to<T>(b + t * b_stride + j + c, left - c));
        }
      }
      from = strip;
      from_stride = kWidth;
    }
    const auto at = [&](std::int64_t i, std::int64_t c, typename S::Vec v) { store(i, j + c, v); };
    if (left > S::kLanes) {
      strip_product<S::kTileRows, 2>(a, a_stride, rows, from, from_stride, depth, 0, at);
    } else {
      strip_product<S::kTileRows, 1>(a, a_stride, rows, from, from_stride, depth, 0, at);
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
