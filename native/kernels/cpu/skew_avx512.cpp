#if defined(__x86_64__)

#define OFT_SIMD "simd_avx512.h"
#include "skew_simd.h"

namespace oft::kernels {

template <typename T>
void unpack_skew_avx512(const T* q, T* skew, std::int64_t blocks, std::int64_t b) {
  unpack_skew_simd(q, skew, blocks, b);
}

template void unpack_skew_avx512(const float*, float*, std::int64_t, std::int64_t);
template void unpack_skew_avx512(const double*, double*, std::int64_t, std::int64_t);

}  // namespace oft::kernels

#endif
