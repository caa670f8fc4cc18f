#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_BACKWARD_SIMD_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_BACKWARD_SIMD_H

#include <cstdint>
#include <type_traits>

#include "product_simd.h"
#include "rotate_blocks_backward_cpu.h"
#include "rotate_panel_simd.h"

// The gradient of the matrices over `Simd<T>`.
namespace oft::kernels {
namespace {

/// One line of the cache in each of some rows.
struct Lines {
  const char* line;
  std::int64_t stride;
};

/// The rows of x and y_grad that are read next, b elements of each. Their pieces lie apart, where
/// no processor expects them: each tile fetches one line of all of them while it computes.
template <typename T>
class Upcoming {
 public:
  Upcoming(const RotateBlocksBackward<T>& w, std::int64_t row, std::int64_t block)
      : size_(w.b * kElement),
        x_{address(w.x, w.x_stride, row, block * w.b), w.x_stride * kElement},
        y_grad_{address(w.y_grad, w.y_grad_stride, row, block * w.b), w.y_grad_stride * kElement} {}

  /// Those that no tile has taken yet; the same line over and over when all are.
  Lines take() {
    constexpr std::int64_t kLine = 64;
    const std::int64_t offset = taken_;
    taken_ += kLine;
    if (offset < size_) return {x_.line + offset, x_.stride};
    if (offset - size_ < size_) return {y_grad_.line + offset - size_, y_grad_.stride};
    return {x_.line, 0};
  }

 private:
  static constexpr auto kElement = static_cast<std::int64_t>(sizeof(T));

  static const char* address(const T* data, std::int64_t stride, std::int64_t row,
                             std::int64_t column) {
    return reinterpret_cast<const char*>(data + row * stride + column);
  }

  std::int64_t size_;
  Lines x_;
  Lines y_grad_;
  std::int64_t taken_ = 0;
};

/// Adds the products of R columns of x with C vectors of columns of y_grad, summed over `rows`
/// rows, to R rows of m_grad, of which `columns` elements count; or stores them where they are the
/// first. Fetches a line of as many rows.
template <int R, int C, typename M>
[[gnu::always_inline]] inline void gradient_tile(const M* x, const M* y_grad, std::int64_t stride,
                                                 std::int64_t rows, M* m_grad, std::int64_t b,
                                                 std::int64_t columns, bool is_first,
                                                 Lines upcoming) {
  using S = Simd<M>;
  typename S::Vec sum[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) sum[r][c] = S::zero();
  }
  for (std::int64_t i = 0; i < rows; ++i, x += stride, y_grad += stride) {
    __builtin_prefetch(upcoming.line);
    upcoming.line += upcoming.stride;
    typename S::Vec right[C];
    for (int c = 0; c < C; ++c) right[c] = S::load(y_grad + c * S::kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const auto left = S::broadcast(x + r);
      for (int c = 0; c < C; ++c) sum[r][c] = S::multiply_add(left, right[c], sum[r][c]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) {
      M* to = m_grad + r * b + c * S::kLanes;
      const std::int64_t n = columns - c * S::kLanes;
      const auto before = is_first ? S::zero() : load_up_to<M>(to, n);
      store_up_to<M>(to, S::add(before, sum[r][c]), n);
    }
  }
}

/// Tiles of R rows of m_grad, then what is left in smaller ones.
template <int R, int C, typename T, typename M>
void gradient_rows(const M* x, const M* y_grad, std::int64_t stride, std::int64_t rows, M* m_grad,
                   std::int64_t b, std::int64_t count, std::int64_t columns, bool is_first,
                   Upcoming<T>& upcoming) {
  std::int64_t t = 0;
  for (; t + R <= count; t += R) {
    gradient_tile<R, C>(x + t, y_grad, stride, rows, m_grad + t * b, b, columns, is_first,
                        upcoming.take());
  }
  if constexpr (R > 1) {
    if (t < count) {
      gradient_rows<R / 2, C>(x + t, y_grad, stride, rows, m_grad + t * b, b, count - t, columns,
                              is_first, upcoming);
    }
  }
}

template <typename T>
void rotate_blocks_backward_simd(const RotateBlocksBackward<T>& w, AccumulateT<T>* scratch) {
  using M = AccumulateT<T>;
  using S = Simd<M>;
  constexpr std::int64_t kWidth = 2 * S::kLanes;
  constexpr int kRows = S::kTileRows < 8 ? S::kTileRows : 8;
  const std::int64_t b = w.b;
  const std::int64_t stride = panel_stride<M>(b);
  M* x = scratch;
  M* y_grad = x + kSummedRows * stride;

  // Rows are read along, while they and the sums of all blocks stay in the second-level cache.
  for (std::int64_t i = 0; i == 0 || i < w.rows; i += kSummedRows) {
    const std::int64_t rows = w.rows - i < kSummedRows ? w.rows - i : kSummedRows;
    for (std::int64_t k = 0; k < w.blocks; ++k) {
      M* m_grad = w.m_grad + (w.shared ? 0 : k * b * b) + w.first * b;
      const bool is_first = i == 0 && (k == 0 || !w.shared);
      load_panel(w.x + i * w.x_stride + k * b + w.first, w.x_stride, rows, w.last - w.first, x,
                 stride);
      load_panel(w.y_grad + i * w.y_grad_stride + k * b, w.y_grad_stride, rows, b, y_grad, stride);
      const bool is_last = k + 1 == w.blocks;
      Upcoming<T> upcoming(w, is_last ? i + rows : i, is_last ? 0 : k + 1);
      for (std::int64_t j = 0; j < b; j += kWidth) {
        const auto run = [&]<int C>() {
          gradient_rows<kRows, C>(x, y_grad + j, stride, rows, m_grad + j, b, w.last - w.first,
                                  b - j, is_first, upcoming);
        };
        if (b - j > S::kLanes) {
          run.template operator()<2>();
        } else {
          run.template operator()<1>();
        }
      }
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
