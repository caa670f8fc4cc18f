#include "../skew_norm.h"

#include <cassert>

#include "scratch.h"
#include "skew_norm_cpu.h"

namespace oft::kernels {

template <typename T>
void skew_norms(const T* q, double* norms, std::int64_t blocks, std::int64_t b, Isa isa) {
  assert(isa <= best_isa());
  std::int64_t room = norm_numbers(b);
  if (b <= kNormLanesBlock) room = kNormLanes * (room + norm_rows(b) * (norm_rows(b) - 1) / 2);
  const Scratch<double> scratch(room);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return skew_norms_avx512(q, norms, blocks, b, scratch.data());
    case Isa::kAvx2:
      return skew_norms_avx2(q, norms, blocks, b, scratch.data());
#endif
    default:
      return skew_norms_scalar(q, norms, blocks, b, scratch.data());
  }
}

template void skew_norms(const float*, double*, std::int64_t, std::int64_t, Isa);
template void skew_norms(const double*, double*, std::int64_t, std::int64_t, Isa);

}  // namespace oft::kernels
