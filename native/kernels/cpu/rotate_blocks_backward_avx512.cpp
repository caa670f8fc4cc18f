#if defined(__x86_64__)

#define OFT_SIMD "simd_avx512.h"
#include "rotate_blocks_backward_simd.h"

namespace oft::kernels {

template <typename T>
void rotate_blocks_backward_avx512(const RotateBlocksBackward<T>& work, AccumulateT<T>* scratch) {
  rotate_blocks_backward_simd(work, scratch);
}

template void rotate_blocks_backward_avx512(const RotateBlocksBackward<float>&, float*);
template void rotate_blocks_backward_avx512(const RotateBlocksBackward<double>&, double*);
template void rotate_blocks_backward_avx512(const RotateBlocksBackward<BFloat16>&, float*);
template void rotate_blocks_backward_avx512(const RotateBlocksBackward<Half>&, float*);

}  // namespace oft::kernels

#endif
