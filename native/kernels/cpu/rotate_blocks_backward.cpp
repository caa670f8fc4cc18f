#include "../rotate_blocks_backward.h"

#include <cassert>

#include "rotate_blocks_backward_cpu.h"
#include "scratch.h"

namespace oft::kernels {

template <typename T>
void rotate_blocks_backward(const RotateBlocksBackward<T>& work, Isa isa) {
  assert(isa <= best_isa());
  assert(0 <= work.first && work.first <= work.last && work.last <= work.b);
  const Scratch<AccumulateT<T>> scratch(kSummedRows * 2 * (work.b + kPadding));
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return rotate_blocks_backward_avx512(work, scratch.data());
    case Isa::kAvx2:
      return rotate_blocks_backward_avx2(work, scratch.data());
#endif
    default:
      return rotate_blocks_backward_scalar(work, scratch.data());
  }
}

template void rotate_blocks_backward(const RotateBlocksBackward<float>&, Isa);
template void rotate_blocks_backward(const RotateBlocksBackward<double>&, Isa);
template void rotate_blocks_backward(const RotateBlocksBackward<BFloat16>&, Isa);
template void rotate_blocks_backward(const RotateBlocksBackward<Half>&, Isa);

}  // namespace oft::kernels
