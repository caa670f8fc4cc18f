#include "../cayley_backward.h"

#include <cassert>

#include "cayley_backward_cpu.h"
#include "scratch.h"

namespace oft::kernels {

template <typename T>
void cayley_backward(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks, std::int64_t b,
                     Isa isa) {
  assert(isa <= best_isa());
  const Scratch<T> scratch(3 * b * (b + kRowPadding) + b * kStripWidth);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return cayley_backward_avx512(r, r_grad, q_grad, blocks, b, scratch.data());
    case Isa::kAvx2:
      return cayley_backward_avx2(r, r_grad, q_grad, blocks, b, scratch.data());
#endif
    default:
      return cayley_backward_scalar(r, r_grad, q_grad, blocks, b, scratch.data());
  }
}

template <typename T>
void cayley_neumann_backward(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                             std::int64_t b, std::int64_t terms, bool legacy, Isa isa) {
  assert(isa <= best_isa());
  const std::int64_t matrices = kSeriesMatrices + Series<T>(terms, legacy).pairs();
  const Scratch<T> scratch(matrices * size_in_squares(b));
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return cayley_neumann_backward_avx512(q, r_grad, q_grad, blocks, b, terms, legacy,
                                            scratch.data());
    case Isa::kAvx2:
      return cayley_neumann_backward_avx2(q, r_grad, q_grad, blocks, b, terms, legacy,
                                          scratch.data());
#endif
    default:
      return cayley_neumann_backward_scalar(q, r_grad, q_grad, blocks, b, terms, legacy,
                                            scratch.data());
  }
}

template void cayley_backward(const float*, const float*, float*, std::int64_t, std::int64_t, Isa);
template void cayley_backward(const double*, const double*, double*, std::int64_t, std::int64_t,
                              Isa);
template void cayley_neumann_backward(const float*, const float*, float*, std::int64_t,
                                      std::int64_t, std::int64_t, bool, Isa);
template void cayley_neumann_backward(const double*, const double*, double*, std::int64_t,
                                      std::int64_t, std::int64_t, bool, Isa);

}  // namespace oft::kernels
