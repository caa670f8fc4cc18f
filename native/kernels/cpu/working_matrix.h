#ifndef OFT_KERNELS_CPU_WORKING_MATRIX_H
#define OFT_KERNELS_CPU_WORKING_MATRIX_H

#include <cstdint>

namespace oft::kernels {

/// Columns that a row of a working matrix may have beyond b.
inline constexpr std::int64_t kRowPadding = 48;

/// Most elements of two vectors, the width of a strip that a product copies.
inline constexpr std::int64_t kStripWidth = 32;

}  // namespace oft::kernels

#endif
