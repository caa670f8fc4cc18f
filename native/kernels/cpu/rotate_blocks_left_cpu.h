#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_LEFT_CPU_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_LEFT_CPU_H

#include <cstdint>

#include "../rotate_blocks_left.h"
#include "rotate_blocks_cpu.h"

namespace oft::kernels {

/// Most columns that are multiplied together; `scratch` holds so many of all rows of a block.
inline constexpr std::int64_t kStripColumns = 32;

/// Elements that `scratch` holds at least: small blocks take several strips at once.
inline constexpr std::int64_t kPanelElements = 4096;

// What rotate_blocks_left.cpp chooses from. `scratch` starts at a multiple of 64 bytes.
template <typename T>
void rotate_blocks_left_scalar(const RotateBlocksLeft<T>& work, AccumulateT<T>* scratch);
template <typename T>
void rotate_blocks_left_avx2(const RotateBlocksLeft<T>& work, AccumulateT<T>* scratch);
template <typename T>
void rotate_blocks_left_avx512(const RotateBlocksLeft<T>& work, AccumulateT<T>* scratch);

}  // namespace oft::kernels

#endif
