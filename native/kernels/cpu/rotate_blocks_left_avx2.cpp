#if defined(__x86_64__)

#define OFT_SIMD "simd_avx2.h"
#include "rotate_blocks_left_simd.h"

namespace oft::kernels {

template <typename T>
void rotate_blocks_left_avx2(const RotateBlocksLeft<T>& work, AccumulateT<T>* scratch) {
  rotate_blocks_left_simd(work, scratch);
}

template void rotate_blocks_left_avx2(const RotateBlocksLeft<float>&, float*);
template void rotate_blocks_left_avx2(const RotateBlocksLeft<double>&, double*);
template void rotate_blocks_left_avx2(const RotateBlocksLeft<BFloat16>&, float*);
template void rotate_blocks_left_avx2(const RotateBlocksLeft<Half>&, float*);

}  // namespace oft::kernels

#endif
