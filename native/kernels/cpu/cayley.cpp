#include "../cayley.h"

#include <cassert>

#include "cayley_cpu.h"
#include "scratch.h"

namespace oft::kernels {

template <typename T>
void cayley(const T* q, T* r, std::int64_t blocks, std::int64_t b, Isa isa) {
  assert(isa <= best_isa());
  const Scratch<T> scratch(2 * kLanesScratch +
                           (b + 2 * kEliminated) * (b + kRowPadding + kEliminated));
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return cayley_avx512(q, r, blocks, b, scratch.data());
    case Isa::kAvx2:
      return cayley_avx2(q, r, blocks, b, scratch.data());
#endif
    default:
      return cayley_scalar(q, r, blocks, b, scratch.data());
  }
}

template <typename T>
void cayley_neumann(const T* q, T* r, std::int64_t blocks, std::int64_t b, std::int64_t terms,
                    bool legacy, Isa isa) {
  assert(isa <= best_isa());
  const Scratch<T> scratch(4 * kLanesScratch + 4 * size_in_squares(b));
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return cayley_neumann_avx512(q, r, blocks, b, terms, legacy, scratch.data());
    case Isa::kAvx2:
      return cayley_neumann_avx2(q, r, blocks, b, terms, legacy, scratch.data());
#endif
    default:
      return cayley_neumann_scalar(q, r, blocks, b, terms, legacy, scratch.data());
  }
}

template void cayley(const float*, float*, std::int64_t, std::int64_t, Isa);
template void cayley(const double*, double*, std::int64_t, std::int64_t, Isa);
template void cayley_neumann(const float*, float*, std::int64_t, std::int64_t, std::int64_t, bool,
                             Isa);
template void cayley_neumann(const double*, double*, std::int64_t, std::int64_t, std::int64_t, bool,
                             Isa);

}  // namespace oft::kernels
