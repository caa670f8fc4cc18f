#ifndef OFT_KERNELS_CPU_GAUSS_JORDAN_SCALAR_H
#define OFT_KERNELS_CPU_GAUSS_JORDAN_SCALAR_H

#include <cstdint>

namespace oft::kernels {
namespace {

/// Gauss-Jordan elimination turns A into its inverse in place. With `less` = 1, not 0, both are
/// stored less I: differences from the identity then keep all their digits.
template <typename T>
void invert(T* a, std::int64_t b, T less) {
  for (std::int64_t k = 0; k < b; ++k) {
    T* pivot = a + k * b;
    const T reciprocal = 1 / (less + pivot[k]);
    const T inverse = less == 0 ? reciprocal : -pivot[k] * reciprocal;  // reciprocal - less
    for (std::int64_t j = 0; j < b; ++j) pivot[j] *= reciprocal;
    pivot[k] = inverse;
    for (std::int64_t i = 0; i < b; ++i) {
      if (i == k) continue;
      T* row = a + i * b;
      const T factor = row[k];
      row[k] = -less * factor;
      for (std::int64_t j = 0; j < b; ++j) row[j] -= factor * pivot[j];
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
