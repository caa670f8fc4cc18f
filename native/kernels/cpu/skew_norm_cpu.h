#ifndef OFT_KERNELS_CPU_SKEW_NORM_CPU_H
#define OFT_KERNELS_CPU_SKEW_NORM_CPU_H

#include <cstdint>

#include "../skew_norm.h"

namespace oft::kernels {

/// Elements that a vector has room for beyond b.
inline constexpr std::int64_t kVectorPadding = 16;

/// Products after which the norm is taken as it stands. Rounding lets Lanczos' method go on past b.
inline std::int64_t most_products(std::int64_t b) { return 4 * b + 64; }

// What skew_norm.cpp chooses from. `scratch` starts at a multiple of 64 bytes and holds 3 vectors
// of b + kVectorPadding elements and most_products(b) numbers.
template <typename T>
void skew_norms_scalar(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                       double* scratch);
template <typename T>
void skew_norms_avx2(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                     double* scratch);
template <typename T>
void skew_norms_avx512(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                       double* scratch);

}  // namespace oft::kernels

#endif
