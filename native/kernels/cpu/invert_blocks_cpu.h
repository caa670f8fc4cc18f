#ifndef OFT_KERNELS_CPU_INVERT_BLOCKS_CPU_H
#define OFT_KERNELS_CPU_INVERT_BLOCKS_CPU_H

#include <cstdint>

#include "../invert_blocks.h"
#include "gauss_jordan.h"
#include "working_matrix.h"

namespace oft::kernels {

// What invert_blocks.cpp chooses from. `scratch` starts at a multiple of 64 bytes and holds
// b + 2 kEliminated rows of b + kRowPadding + kEliminated elements, and b x kStripWidth.
void invert_blocks_scalar(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                          std::int64_t b, double* scratch);
void invert_blocks_avx2(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                        std::int64_t b, double* scratch);
void invert_blocks_avx512(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                          std::int64_t b, double* scratch);

}  // namespace oft::kernels

#endif
