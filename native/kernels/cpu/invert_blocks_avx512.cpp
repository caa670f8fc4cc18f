#if defined(__x86_64__)

#define OFT_SIMD "simd_avx512.h"
#include "invert_blocks_simd.h"

namespace oft::kernels {

void invert_blocks_avx512(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                          std::int64_t b, double* scratch) {
  invert_blocks_simd(r, inverse, residuals, blocks, b, scratch);
}

}  // namespace oft::kernels

#endif
