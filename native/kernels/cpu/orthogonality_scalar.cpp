#include <cmath>
#include <cstdint>

#include "orthogonality_cpu.h"

namespace oft::kernels {

template <typename T>
void orthogonality_errors_scalar(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                                 double* scratch) {
  for (std::int64_t block = 0; block < blocks; ++block, r += b * b) {
    double sum = 0;
    double* row = scratch;  // one of R^T R - I
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) row[j] = i == j ? -1 : 0;
      for (std::int64_t t = 0; t < b; ++t) {
        const double factor = r[t * b + i];
        for (std::int64_t j = 0; j < b; ++j) row[j] += factor * r[t * b + j];
      }
      for (std::int64_t j = 0; j < b; ++j) sum += row[j] * row[j];
    }
    errors[block] = std::sqrt(sum);
  }
}

template void orthogonality_errors_scalar(const float*, double*, std::int64_t, std::int64_t,
                                          double*);
template void orthogonality_errors_scalar(const double*, double*, std::int64_t, std::int64_t,
                                          double*);

}  // namespace oft::kernels
