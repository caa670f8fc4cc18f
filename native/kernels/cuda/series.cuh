#ifndef OFT_KERNELS_CUDA_SERIES_CUH
#define OFT_KERNELS_CUDA_SERIES_CUH

#include <cstdint>

namespace oft::kernels {

/// The coefficients of R = c[0] I + c[1] Q + ... + c[degree] Q^degree; see cayley.h.
struct Series {
  std::int64_t degree;
  int last;

  Series(std::int64_t terms, bool legacy)
      : degree(!legacy && terms == 3 ? 3
               : terms < 1           ? 0
                                     : terms - 1),
        last(legacy || degree == 1 ? 2 : 1) {}

  __device__ int operator[](std::int64_t power) const {
    return power == 0 ? 1 : power == degree ? last : 2;
  }
};

}  // namespace oft::kernels

#endif
