#include "../skew.h"

#include <algorithm>
#include <cassert>

#include "skew_cpu.h"

namespace oft::kernels {

template <typename T>
void unpack_skew(const T* q, T* skew, std::int64_t blocks, std::int64_t b, Isa isa) {
  assert(isa <= best_isa());
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return unpack_skew_avx512(q, skew, blocks, b);
    case Isa::kAvx2:
      return unpack_skew_avx2(q, skew, blocks, b);
#endif
    default:
      return unpack_skew_scalar(q, skew, blocks, b);
  }
}

template <typename T>
void pack_upper(const T* m, T* q, std::int64_t blocks, std::int64_t b) {
  for (std::int64_t block = 0; block < blocks; ++block, m += b * b) {
    for (std::int64_t i = 0; i < b; ++i) q = std::copy(m + i * b + i + 1, m + i * b + b, q);
  }
}

template void unpack_skew(const float*, float*, std::int64_t, std::int64_t, Isa);
template void unpack_skew(const double*, double*, std::int64_t, std::int64_t, Isa);
template void pack_upper(const float*, float*, std::int64_t, std::int64_t);
template void pack_upper(const double*, double*, std::int64_t, std::int64_t);

}  // namespace oft::kernels
