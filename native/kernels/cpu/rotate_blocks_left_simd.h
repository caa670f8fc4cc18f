#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_LEFT_SIMD_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_LEFT_SIMD_H

#include <cstdint>

#include "product_simd.h"
#include "rotate_blocks_left_cpu.h"

// The rotation from the left over `Simd<T>`.
namespace oft::kernels {
namespace {

template <typename T>
void rotate_blocks_left_simd(const RotateBlocksLeft<T>& w, AccumulateT<T>* panel) {
  using M = AccumulateT<T>;
  using S = Simd<M>;
  constexpr std::int64_t kWidth = 2 * S::kLanes;
  constexpr int kRows = S::kTileRows < 8 ? S::kTileRows : 8;
  const std::int64_t b = w.b;
  const std::int64_t strips = b > 0 ? kPanelElements / (b * kWidth) : 1;
  const std::int64_t width = strips > 1 ? strips * kWidth : kWidth;

  for (std::int64_t k = 0; k < w.blocks; ++k) {
    const M* m = w.m + (w.shared ? 0 : k * b * b);
    for (std::int64_t c0 = 0; c0 < w.columns; c0 += width) {
      const std::int64_t columns = w.columns - c0 < width ? w.columns - c0 : width;
      const T* x = w.x + k * b * w.x_stride + c0;
      T* y = w.y + k * b * w.y_stride + c0;
      // A strip of all rows after the other, widened: y may then be written over x.
      for (std::int64_t t = 0; t < b; ++t) {
        for (std::int64_t c = 0; c < columns; c += S::kLanes) {
          M* to = panel + c / kWidth * b * kWidth + t * kWidth + c % kWidth;
          S::store(to, load_up_to<M>(x + t * w.x_stride + c, columns - c));
        }
      }
      for (std::int64_t s = 0; s < columns; s += kWidth) {
        const std::int64_t left = columns - s;
        const M* strip = panel + s * b;
        const auto store = [&](std::int64_t j, std::int64_t c, typename S::Vec v) {
          store_up_to<M>(y + j * w.y_stride + s + c, v, left - c);
        };
        if (left > S::kLanes) {
          strip_product<kRows, 2>(m, b, b, strip, kWidth, b, 0, store);
        } else {
          strip_product<kRows, 1>(m, b, b, strip, kWidth, b, 0, store);
        }
      }
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
