#ifndef OFT_KERNELS_CPU_ORTHOGONALITY_CPU_H
#define OFT_KERNELS_CPU_ORTHOGONALITY_CPU_H

#include <cstdint>

#include "../orthogonality.h"
#include "working_matrix.h"

namespace oft::kernels {

// What orthogonality.cpp chooses from. `scratch` starts at a multiple of 64 bytes and holds 2b rows
// of b + kRowPadding elements, and b x kStripWidth.
template <typename T>
void orthogonality_errors_scalar(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                                 double* scratch);
template <typename T>
void orthogonality_errors_avx2(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                               double* scratch);
template <typename T>
void orthogonality_errors_avx512(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                                 double* scratch);

}  // namespace oft::kernels

#endif
