#ifndef OFT_KERNELS_CPU_CAYLEY_BACKWARD_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_BACKWARD_SIMD_H

#include <cstdint>

#include "cayley_backward_cpu.h"
#include "skew_simd.h"

// The gradient of the Cayley transform over `Simd<T>`.
namespace oft::kernels {
namespace {

/// Stores a result as a working matrix.
template <typename T>
auto store_to(T* to, const Layout<T>& at) {
  return [to, stride = at.stride](std::int64_t i, std::int64_t j, typename Simd<T>::Vec v) {
    Simd<T>::store(to + i * stride + j, v);
  };
}

template <typename T>
void cayley_backward_simd(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                          std::int64_t b, T* scratch) {
  const Layout<T> at(b);
  T* twice = scratch;  // 2 A^T
  T* left = twice + b * at.stride;
  T* both = left + b * at.stride;
  T* strip = both + b * at.stride;
  for (std::int64_t block = 0; block < blocks; ++block) {
    load_transposed(r, T{1}, at, twice);
    product(r_grad, b, b, twice, at.stride, b, at.columns, strip, store_to(left, at));
    product(twice, at.stride, b, left, at.stride, b, at.columns, strip, store_to(both, at));
    store_skew_part(both, T(-0.5), at, q_grad);
    r += b * b;
    r_grad += b * b;
    q_grad += b * (b - 1) / 2;
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
