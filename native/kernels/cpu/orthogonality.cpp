#include "../orthogonality.h"

#include <cassert>

#include "orthogonality_cpu.h"
#include "scratch.h"

namespace oft::kernels {

template <typename T>
void orthogonality_errors(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                          Isa isa) {
  assert(isa <= best_isa());
  const Scratch<double> scratch(2 * b * (b + kRowPadding) + b * kStripWidth);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return orthogonality_errors_avx512(r, errors, blocks, b, scratch.data());
    case Isa::kAvx2:
      return orthogonality_errors_avx2(r, errors, blocks, b, scratch.data());
#endif
    default:
      return orthogonality_errors_scalar(r, errors, blocks, b, scratch.data());
  }
}

template void orthogonality_errors(const float*, double*, std::int64_t, std::int64_t, Isa);
template void orthogonality_errors(const double*, double*, std::int64_t, std::int64_t, Isa);

}  // namespace oft::kernels
