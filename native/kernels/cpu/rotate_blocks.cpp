#include "../rotate_blocks.h"

#include <algorithm>
#include <cassert>

#include "rotate_blocks_cpu.h"
#include "scratch.h"

namespace oft::kernels {

std::int64_t rotate_blocks_scratch(std::int64_t rows, std::int64_t blocks, std::int64_t b) {
  const std::int64_t panel = std::min(rows, kPanelRows) * (b + kPadding) + b * kPadding;
  // A vector is filled to more than half, but for the last one.
  const std::int64_t groups = b <= kMostLanes / 2 ? b * (2 * b * blocks + kMostLanes) : 0;
  return std::max(panel, groups);
}

template <typename T>
void rotate_blocks(const RotateBlocks<T>& work, Isa isa) {
  assert(isa <= best_isa());
  assert(work.x != work.y || work.x_stride == work.y_stride);
  const Scratch<AccumulateT<T>> scratch(rotate_blocks_scratch(work.rows, work.blocks, work.b));
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return rotate_blocks_avx512(work, scratch.data());
    case Isa::kAvx2:
      return rotate_blocks_avx2(work, scratch.data());
#endif
    default:
      return rotate_blocks_scalar(work, scratch.data());
  }
}

template void rotate_blocks(const RotateBlocks<float>&, Isa);
template void rotate_blocks(const RotateBlocks<double>&, Isa);
template void rotate_blocks(const RotateBlocks<BFloat16>&, Isa);
template void rotate_blocks(const RotateBlocks<Half>&, Isa);

}  // namespace oft::kernels
