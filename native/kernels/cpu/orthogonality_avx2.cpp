#if defined(__x86_64__)

#define OFT_SIMD "simd_avx2.h"
#include "orthogonality_simd.h"

namespace oft::kernels {

template <typename T>
void orthogonality_errors_avx2(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                               double* scratch) {
  orthogonality_errors_simd(r, errors, blocks, b, scratch);
}

template void orthogonality_errors_avx2(const float*, double*, std::int64_t, std::int64_t, double*);
template void orthogonality_errors_avx2(const double*, double*, std::int64_t, std::int64_t,
                                        double*);

}  // namespace oft::kernels

#endif
