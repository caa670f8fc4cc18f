#include "../rotate_blocks_left.h"

#include <algorithm>
#include <cassert>

#include "rotate_blocks_left_cpu.h"
#include "scratch.h"

namespace oft::kernels {

template <typename T>
void rotate_blocks_left(const RotateBlocksLeft<T>& work, Isa isa) {
  assert(isa <= best_isa());
  assert(work.x != work.y || work.x_stride == work.y_stride);
  const Scratch<AccumulateT<T>> scratch(std::max(work.b * kStripColumns, kPanelElements));
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return rotate_blocks_left_avx512(work, scratch.data());
    case Isa::kAvx2:
      return rotate_blocks_left_avx2(work, scratch.data());
#endif
    default:
      return rotate_blocks_left_scalar(work, scratch.data());
  }
}

template void rotate_blocks_left(const RotateBlocksLeft<float>&, Isa);
template void rotate_blocks_left(const RotateBlocksLeft<double>&, Isa);
template void rotate_blocks_left(const RotateBlocksLeft<BFloat16>&, Isa);
template void rotate_blocks_left(const RotateBlocksLeft<Half>&, Isa);

}  // namespace oft::kernels
