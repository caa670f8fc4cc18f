#include <cstdint>

#include "lanczos.h"
#include "skew_norm_cpu.h"

namespace oft::kernels {

template <typename T>
void skew_norms_scalar(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                       double* scratch) {
  for (std::int64_t block = 0; block < blocks; ++block, q += b * (b - 1) / 2) {
    norms[block] = lanczos_norm(b, scratch, [&](const double* v, double* w) {
      const T* row = q;
      for (std::int64_t i = 0; i < b; ++i) {
        double sum = 0;
        for (std::int64_t j = i + 1; j < b; ++j) {
          const double value = *row++;
          sum += value * v[j];
          w[j] -= value * v[i];
        }
        w[i] += sum;
      }
    });
  }
}

template void skew_norms_scalar(const float*, double*, std::int64_t, std::int64_t, double*);
template void skew_norms_scalar(const double*, double*, std::int64_t, std::int64_t, double*);

}  // namespace oft::kernels
