#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_CPU_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_CPU_H

#include <cstdint>

#include "../rotate_blocks.h"

namespace oft::kernels {

template <typename T>
using AccumulateT = typename Accumulate<T>::type;

/// Most rows that are widened to the type of m and rotated together.
inline constexpr std::int64_t kPanelRows = 96;

/// Columns that a row of a panel may have beyond b, and of a strip of m that is copied at most.
inline constexpr std::int64_t kPadding = 32;

/// Largest blocks whose factors are read in place, row by row, while rows are swept.
inline constexpr std::int64_t kMostSwept = 64;

/// What a group of factors may take of the second-level cache while row after row meets them.
inline constexpr std::int64_t kFactorBytes = 512 << 10;

/// Most elements of a vector.
inline constexpr std::int64_t kMostLanes = 16;

/// Elements of working memory that a kernel may use: rows of a panel and a strip of m, or, where
/// several blocks go to a vector, m laid out by vectors.
std::int64_t rotate_blocks_scratch(std::int64_t rows, std::int64_t blocks, std::int64_t b);

// What rotate_blocks.cpp chooses from. `scratch` starts at a multiple of 64 bytes.
template <typename T>
void rotate_blocks_scalar(const RotateBlocks<T>& work, AccumulateT<T>* scratch);
template <typename T>
void rotate_blocks_avx2(const RotateBlocks<T>& work, AccumulateT<T>* scratch);
template <typename T>
void rotate_blocks_avx512(const RotateBlocks<T>& work, AccumulateT<T>* scratch);

}  // namespace oft::kernels

#endif
