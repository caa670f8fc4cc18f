#ifndef OFT_KERNELS_CPU_CAYLEY_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_SIMD_H

#include <cstdint>

#include "cayley_cpu.h"
#include "cayley_lanes_simd.h"
#include "gauss_jordan_simd.h"
#include "skew_simd.h"

// The Cayley transform over `Simd<T>`.
namespace oft::kernels {
namespace {

template <typename T>
T sum_of_squares(const T* q, std::int64_t count) {
  using S = Simd<T>;
  auto sums = S::zero();
  for (std::int64_t t = 0; t < count; t += S::kLanes) {
    const auto v = load_up_to<T>(q + t, count - t);
    sums = S::multiply_add(v, v, sums);
  }
  return sum_of_lanes<T>(sums);
}

template <typename T>
void cayley_simd(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch) {
  using S = Simd<T>;
  if (b <= kLanesBlock<T>) return cayley_lanes(q, r, blocks, b, scratch);
  const Layout<T> at(b);
  const std::int64_t parameters = b * (b - 1) / 2;
  T* a = scratch;
  T* room = a + b * at.stride;
  for (std::int64_t block = 0; block < blocks; ++block, q += parameters, r += b * b) {
    const T less = is_near_identity(sum_of_squares(q, parameters), b) ? 1 : 0;
    load_skew(q, 1 - less, at, a);
    invert(at, a, less, room);
    for_each_vector(at, [&](std::int64_t i, std::int64_t j) {
      const auto value =
          S::multiply_add(S::set(2), S::load(a + i * at.stride + j), S::unit(i - j, 2 * less - 1));
      store_up_to<T>(r + i * b + j, value, b - j);
    });
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
