#ifndef OFT_KERNELS_CPU_SKEW_NORM_CPU_H
#define OFT_KERNELS_CPU_SKEW_NORM_CPU_H

#include <cstdint>

#include "../skew_norm.h"

namespace oft::kernels {

/// Elements that a vector has room for beyond b.
inline constexpr std::int64_t kVectorPadding = 16;

/// Products after which the norm is taken as it stands. Rounding lets Lanczos' method go on past b.
inline std::int64_t most_products(std::int64_t b) { return 4 * b + 64; }

/// Largest b that goes a block to a lane, of up to kNormLanes, kNormRows rows at a time. Block by
/// block is faster where but a part b / kFilledLanesBlock of the lanes, or less, would be in use.
inline constexpr std::int64_t kNormLanesBlock = 128;
inline constexpr std::int64_t kFilledLanesBlock = 256;
inline constexpr std::int64_t kNormLanes = 8;
inline constexpr std::int64_t kNormRows = 4;

/// b, rounded up to whole kNormRows.
inline std::int64_t norm_rows(std::int64_t b) {
  return (b + kNormRows - 1) / kNormRows * kNormRows;
}

/// Numbers that Lanczos' method works on: 3 vectors and the tridiagonal matrix.
inline std::int64_t norm_numbers(std::int64_t b) {
  return 3 * (b + kVectorPadding) + most_products(b);
}

// What skew_norm.cpp chooses from. `scratch` starts at a multiple of 64 bytes and holds
// norm_numbers(b); where blocks go by lanes kNormLanes times as many, and as many matrices.
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
