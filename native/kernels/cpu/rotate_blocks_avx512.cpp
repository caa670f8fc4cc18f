#if defined(__x86_64__)

#define OFT_SIMD "simd_avx512.h"
#include "rotate_blocks_simd.h"

namespace oft::kernels {

template <typename T>
void rotate_blocks_avx512(const RotateBlocks<T>& work, AccumulateT<T>* scratch) {
  rotate_blocks_simd(work, scratch);
}

template void rotate_blocks_avx512(const RotateBlocks<float>&, float*);
template void rotate_blocks_avx512(const RotateBlocks<double>&, double*);
template void rotate_blocks_avx512(const RotateBlocks<BFloat16>&, float*);
template void rotate_blocks_avx512(const RotateBlocks<Half>&, float*);

}  // namespace oft::kernels

#endif
