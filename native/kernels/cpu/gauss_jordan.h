#ifndef OFT_KERNELS_CPU_GAUSS_JORDAN_H
#define OFT_KERNELS_CPU_GAUSS_JORDAN_H

#include <cstdint>

#include "working_matrix.h"

namespace oft::kernels {

/// Most rows and columns that are eliminated together.
inline constexpr std::int64_t kEliminated = 64;

}  // namespace oft::kernels

#endif
