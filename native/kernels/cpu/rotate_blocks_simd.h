#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_SIMD_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_SIMD_H

#include <cstdint>
#include <type_traits>

#include "product_simd.h"
#include "rotate_blocks_cpu.h"

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

/// Copies rows of b elements, widened: y may then be written over x.
template <typename T, typename M>
void load_panel(const T* x, std::int64_t x_stride, std::int64_t rows, std::int64_t b, M* panel,
                std::int64_t panel_stride) {
  using S = Simd<M>;
  for (std::int64_t i = 0; i < rows; ++i) {
    const T* from = x + i * x_stride;
    M* to = panel + i * panel_stride;
    for (std::int64_t j = 0; j < b; j += S::kLanes) {
      S::store(to + j, load_up_to<M>(from + j, b - j));
    }
  }
}

template <typename T>
void rotate_by_products(const RotateBlocks<T>& w, AccumulateT<T>* scratch) {
  using S = Simd<AccumulateT<T>>;
  const std::int64_t b = w.b;
  // Rows a power of two apart would share few sets of the cache.
  const std::int64_t vectors = (b + S::kLanes - 1) / S::kLanes * S::kLanes;
  const std::int64_t panel_stride = vectors % 64 == 0 ? vectors + S::kLanes : vectors;
  AccumulateT<T>* strip = scratch;
  AccumulateT<T>* panel = strip + b * 2 * S::kLanes;

  // One tile of rows runs along them as they lie in memory; more pay for a copied strip of m.
  const bool copies = copies_strips<AccumulateT<T>>(w.rows, b, b);
  const std::int64_t most = copies ? kPanelRows : S::kTileRows;

  for (std::int64_t i0 = 0; i0 < w.rows; i0 += most) {
    const std::int64_t rows = w.rows - i0 < most ? w.rows - i0 : most;
    for (std::int64_t k = 0; k < w.blocks; ++k) {
      load_panel(w.x + i0 * w.x_stride + k * b, w.x_stride, rows, b, panel, panel_stride);
      T* y = w.y + i0 * w.y_stride + k * b;
      const auto store = [&](std::int64_t i, std::int64_t j, typename S::Vec v) {
        store_up_to<AccumulateT<T>>(y + i * w.y_stride + j, v, b - j);
      };
      const AccumulateT<T>* m = w.m + (w.shared ? 0 : k * b * b);
      product(panel, panel_stride, rows, m, b, b, b, strip, store);
    }
  }
}

template <typename T>
void rotate_blocks_simd(const RotateBlocks<T>& w, AccumulateT<T>* scratch) {
  if constexpr (std::is_same_v<AccumulateT<T>, float>) {
    if (w.b > 0 && 2 * w.b <= Groups::kLanes) return rotate_by_groups(w, scratch);
  }
  rotate_by_products(w, scratch);
}

}  // namespace
}  // namespace oft::kernels

#endif
