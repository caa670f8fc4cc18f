#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_SIMD_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_SIMD_H

#include <cstdint>
#include <type_traits>

#include "product_simd.h"
#include "rotate_blocks_cpu.h"
#include "rotate_panel_simd.h"

// The rotation over `Simd<T>`.
namespace oft::kernels {
namespace {

/// Blocks of at most half a vector go several to a vector: y = sum over t of
/// permute(x, source[t]) * factor[t], where a group of blocks lies in the first `lanes` columns.
struct Groups {
  static constexpr std::int64_t kLanes = Simd<float>::kLanes;

  std::int64_t b;
  std::int64_t per_group;
  alignas(64) std::int32_t source[kLanes / 2 * kLanes];

  explicit Groups(std::int64_t size) : b(size), per_group(kLanes / size), source{} {
    for (std::int64_t t = 0; t < b; ++t) {
      for (std::int64_t j = 0; j < per_group * b; ++j) {
        source[t * kLanes + j] = static_cast<std::int32_t>(j / b * b + t);
      }
    }
  }

  /// Lays `blocks` matrices, `m_stride` elements apart, out as factors: b vectors a group.
  void load_factors(const float* m, std::int64_t m_stride, std::int64_t blocks,
                    float* factors) const {
    for (std::int64_t k = 0; k < blocks; ++k, m += m_stride) {
      const std::int64_t place = k % per_group;
      float* to = factors + k / per_group * b * kLanes + place * b;
      for (std::int64_t t = 0; t < b; ++t) {
        if (place == 0) Simd<float>::store(to + t * kLanes, Simd<float>::zero());
        for (std::int64_t j = 0; j < b; ++j) {
          __builtin_memcpy(to + t * kLanes + j, m + t * b + j, sizeof(float));
        }
      }
    }
  }

  /// R rows of one group.
  template <int R, typename T>
  void rotate(const T* x, std::int64_t x_stride, T* y, std::int64_t y_stride, const float* factors,
              std::int64_t lanes) const {
    using S = Simd<float>;
    typename S::Vec from[R];
    typename S::Vec sum[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      from[r] = load_up_to<float>(x + r * x_stride, lanes);
      sum[r] = S::zero();
    }
    for (std::int64_t t = 0; t < b; ++t) {
      const auto index = S::index(source + t * kLanes);
      const auto factor = S::load(factors + t * kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        sum[r] = S::multiply_add(S::permute(from[r], index), factor, sum[r]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) store_up_to<float>(y + r * y_stride, sum[r], lanes);
  }
};

template <typename T>
void rotate_by_groups(const RotateBlocks<T>& w, float* scratch) {
  const Groups groups(w.b);
  const std::int64_t step = groups.per_group * w.b;
  const std::int64_t columns = w.blocks * w.b;
  const std::int64_t group_stride = w.shared ? 0 : w.b * Groups::kLanes;
  if (w.shared) {
    groups.load_factors(w.m, 0, groups.per_group, scratch);
  } else {
    groups.load_factors(w.m, w.b * w.b, w.blocks, scratch);
  }

  const auto rotate_rows = [&]<int R>(std::int64_t i) {
    const T* x = w.x + i * w.x_stride;
    T* y = w.y + i * w.y_stride;
    const float* factors = scratch;
    for (std::int64_t j = 0; j < columns; j += step) {
      const std::int64_t lanes = columns - j < step ? columns - j : step;
      groups.template rotate<R>(x + j, w.x_stride, y + j, w.y_stride, factors, lanes);
      factors += group_stride;
    }
  };
  std::int64_t i = 0;
  for (; i + 4 <= w.rows; i += 4) rotate_rows.template operator()<4>(i);
  for (; i < w.rows; ++i) rotate_rows.template operator()<1>(i);
}

/// R rows of one block and C vectors of its columns, of which `columns` elements count. All of x is
/// read before y is written.
template <int R, int C, typename T, typename M>
[[gnu::always_inline]] inline void rotate_tile(const M* x, std::int64_t x_stride, const M* m,
                                               std::int64_t b, std::int64_t columns, T* y,
                                               std::int64_t y_stride) {
  using S = Simd<M>;
  constexpr int kLast = C - 1;
  const std::int64_t left = columns - kLast * S::kLanes;
  typename S::Vec sum[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) sum[r][c] = S::zero();
  }
  for (std::int64_t t = 0; t < b; ++t) {
    typename S::Vec factors[C];
    for (int c = 0; c < kLast; ++c) factors[c] = S::load(m + t * b + c * S::kLanes);
    factors[kLast] = S::load(m + t * b + kLast * S::kLanes, left);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const auto value = S::broadcast(x + r * x_stride + t);
      for (int c = 0; c < C; ++c) sum[r][c] = S::multiply_add(value, factors[c], sum[r][c]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    T* to = y + r * y_stride;
    for (int c = 0; c < kLast; ++c) S::store(to + c * S::kLanes, sum[r][c]);
    store_up_to<M>(to + kLast * S::kLanes, sum[r][kLast], left);
  }
}

/// R rows along `blocks` blocks: rows are read as they lie in memory, and stay in few cache sets
/// where their distance is a power of two.
template <int R, typename T, typename M>
void sweep(const T* x, std::int64_t x_stride, T* y, std::int64_t y_stride, const M* m,
           std::int64_t m_stride, std::int64_t blocks, std::int64_t b, M* panel) {
  using S = Simd<M>;
  constexpr std::int64_t kWidth = 2 * S::kLanes;
  for (std::int64_t k = 0; k < blocks; ++k, x += b, y += b, m += m_stride) {
    const M* from = panel;
    std::int64_t stride = panel_stride<M>(b);
    if constexpr (std::is_same_v<T, M>) {
      if (b <= kWidth) {
        from = x;
        stride = x_stride;
      }
    }
    if (from == panel) load_panel(x, x_stride, R, b, panel, stride);
    for (std::int64_t j = 0; j < b; j += kWidth) {
      if (b - j > S::kLanes) {
        const std::int64_t columns = b - j < kWidth ? b - j : kWidth;
        rotate_tile<R, 2>(from, stride, m + j, b, columns, y + j, y_stride);
      } else {
        rotate_tile<R, 1>(from, stride, m + j, b, b - j, y + j, y_stride);
      }
    }
  }
}

/// Sweeps of R rows, then what is left in smaller ones.
template <int R, typename T>
void sweep_rows(const RotateBlocks<T>& w, std::int64_t first_row, std::int64_t first,
                std::int64_t blocks, AccumulateT<T>* panel) {
  const std::int64_t m_stride = w.shared ? 0 : w.b * w.b;
  std::int64_t i = first_row;
  for (; i + R <= w.rows; i += R) {
    sweep<R>(w.x + i * w.x_stride + first * w.b, w.x_stride, w.y + i * w.y_stride + first * w.b,
             w.y_stride, w.m + first * m_stride, m_stride, blocks, w.b, panel);
  }
  if constexpr (R > 1) {
    if (i < w.rows) sweep_rows<R / 2>(w, i, first, blocks, panel);
  }
}

template <typename T>
void rotate_by_sweeps(const RotateBlocks<T>& w, AccumulateT<T>* panel) {
  using M = AccumulateT<T>;
  // More rows than ways of a first-level cache would drive each other out.
  constexpr int kRows = Simd<M>::kTileRows < 8 ? Simd<M>::kTileRows : 8;
  const std::int64_t fit =
      kFactorBytes / static_cast<std::int64_t>(sizeof(M)) / (w.b > 0 ? w.b * w.b : 1);
  for (std::int64_t k = 0; k < w.blocks; k += fit) {
    sweep_rows<kRows>(w, 0, k, w.blocks - k < fit ? w.blocks - k : fit, panel);
  }
}

template <typename T>
void rotate_by_products(const RotateBlocks<T>& w, AccumulateT<T>* scratch) {
  using S = Simd<AccumulateT<T>>;
  const std::int64_t b = w.b;
  const std::int64_t stride = panel_stride<AccumulateT<T>>(b);
  AccumulateT<T>* strip = scratch;
  AccumulateT<T>* panel = strip + b * 2 * S::kLanes;

  for (std::int64_t i0 = 0; i0 < w.rows; i0 += kPanelRows) {
    const std::int64_t rows = w.rows - i0 < kPanelRows ? w.rows - i0 : kPanelRows;
    for (std::int64_t k = 0; k < w.blocks; ++k) {
      load_panel(w.x + i0 * w.x_stride + k * b, w.x_stride, rows, b, panel, stride);
      T* y = w.y + i0 * w.y_stride + k * b;
      const auto store = [&](std::int64_t i, std::int64_t j, typename S::Vec v) {
        store_up_to<AccumulateT<T>>(y + i * w.y_stride + j, v, b - j);
      };
      const AccumulateT<T>* m = w.m + (w.shared ? 0 : k * b * b);
      product(panel, stride, rows, m, b, b, b, strip, store);
    }
  }
}

template <typename T>
void rotate_blocks_simd(const RotateBlocks<T>& w, AccumulateT<T>* scratch) {
  if constexpr (std::is_same_v<AccumulateT<T>, float>) {
    if (w.b > 0 && 2 * w.b <= Groups::kLanes) return rotate_by_groups(w, scratch);
  }
  if (w.b <= kMostSwept) return rotate_by_sweeps(w, scratch);
  rotate_by_products(w, scratch);
}

}  // namespace
}  // namespace oft::kernels

#endif
