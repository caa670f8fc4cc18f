#include "../invert_blocks.h"

#include <cassert>

#include "invert_blocks_cpu.h"
#include "scratch.h"

namespace oft::kernels {

void invert_blocks(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                   std::int64_t b, Isa isa) {
  assert(isa <= best_isa());
  const Scratch<double> scratch((b + 2 * kEliminated) * (b + kRowPadding + kEliminated) +
                                b * kStripWidth);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return invert_blocks_avx512(r, inverse, residuals, blocks, b, scratch.data());
    case Isa::kAvx2:
      return invert_blocks_avx2(r, inverse, residuals, blocks, b, scratch.data());
#endif
    default:
      return invert_blocks_scalar(r, inverse, residuals, blocks, b, scratch.data());
  }
}

}  // namespace oft::kernels
