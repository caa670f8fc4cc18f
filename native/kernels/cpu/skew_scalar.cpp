#include <cstdint>

#include "skew_cpu.h"

namespace oft::kernels {

template <typename T>
void unpack_skew_scalar(const T* q, T* skew, std::int64_t blocks, std::int64_t b) {
  for (std::int64_t block = 0; block < blocks; ++block, skew += b * b) {
    for (std::int64_t i = 0; i < b; ++i) {
      skew[i * b + i] = 0;
      for (std::int64_t j = i + 1; j < b; ++j) {
        const T value = *q++;
        skew[i * b + j] = value;
        skew[j * b + i] = -value;
      }
    }
  }
}

template void unpack_skew_scalar(const float*, float*, std::int64_t, std::int64_t);
template void unpack_skew_scalar(const double*, double*, std::int64_t, std::int64_t);

}  // namespace oft::kernels
