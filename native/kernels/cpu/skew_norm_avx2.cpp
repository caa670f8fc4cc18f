#if defined(__x86_64__)

#define OFT_SIMD "simd_avx2.h"
#include "skew_norm_simd.h"

namespace oft::kernels {

template <typename T>
void skew_norms_avx2(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                     double* scratch) {
  skew_norms_simd(q, norms, blocks, b, scratch);
}

template void skew_norms_avx2(const float*, double*, std::int64_t, std::int64_t, double*);
template void skew_norms_avx2(const double*, double*, std::int64_t, std::int64_t, double*);

}  // namespace oft::kernels

#endif
