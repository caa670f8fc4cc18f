#if defined(__x86_64__)

#define OFT_SIMD "simd_avx512.h"
#include "cayley_neumann_simd.h"
#include "cayley_simd.h"

namespace oft::kernels {

template <typename T>
void cayley_avx512(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch) {
  cayley_simd(q, r, blocks, b, scratch);
}

template <typename T>
void cayley_neumann_avx512(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                           std::int64_t terms, bool legacy, T* scratch) {
  cayley_neumann_simd(q, r, blocks, b, terms, legacy, scratch);
}

template void cayley_avx512(const float*, float*, std::int64_t, std::int64_t, float*);
template void cayley_avx512(const double*, double*, std::int64_t, std::int64_t, double*);
template void cayley_neumann_avx512(const float*, float*, std::int64_t, std::int64_t, std::int64_t,
                                    bool, float*);
template void cayley_neumann_avx512(const double*, double*, std::int64_t, std::int64_t,
                                    std::int64_t, bool, double*);

}  // namespace oft::kernels

#endif
