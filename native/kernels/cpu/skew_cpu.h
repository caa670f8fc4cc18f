#ifndef OFT_KERNELS_CPU_SKEW_CPU_H
#define OFT_KERNELS_CPU_SKEW_CPU_H

#include <cstdint>

#include "../skew.h"

namespace oft::kernels {

// What skew.cpp chooses from.
template <typename T>
void unpack_skew_scalar(const T* q, T* skew, std::int64_t blocks, std::int64_t b);
template <typename T>
void unpack_skew_avx2(const T* q, T* skew, std::int64_t blocks, std::int64_t b);
template <typename T>
void unpack_skew_avx512(const T* q, T* skew, std::int64_t blocks, std::int64_t b);

}  // namespace oft::kernels

#endif
