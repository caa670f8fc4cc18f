#ifndef OFT_KERNELS_CPU_ROTATE_PANEL_SIMD_H
#define OFT_KERNELS_CPU_ROTATE_PANEL_SIMD_H

#include <cstdint>

#include "product_simd.h"
#include "rotate_blocks_cpu.h"

// A panel: rows of one block, widened, each filled up with zeros to whole vectors.
namespace oft::kernels {
namespace {

/// Rows a power of two apart would share few sets of the cache.
template <typename M>
std::int64_t panel_stride(std::int64_t b) {
  constexpr std::int64_t kLanes = Simd<M>::kLanes;
  const std::int64_t vectors = (b + kLanes - 1) / kLanes * kLanes;
  return vectors % 64 == 0 ? vectors + kLanes : vectors;
}

/// Copies rows of b elements, widened: y may then be written over x.
template <typename T, typename M>
void load_panel(const T* x, std::int64_t x_stride, std::int64_t rows, std::int64_t b, M* panel,
                std::int64_t stride) {
  using S = Simd<M>;
  for (std::int64_t i = 0; i < rows; ++i) {
    const T* from = x + i * x_stride;
    M* to = panel + i * stride;
    for (std::int64_t j = 0; j < b; j += S::kLanes) {
      S::store(to + j, load_up_to<M>(from + j, b - j));
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
