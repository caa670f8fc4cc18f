#ifndef OFT_KERNELS_CPU_ROTATE_BLOCKS_BACKWARD_CPU_H
#define OFT_KERNELS_CPU_ROTATE_BLOCKS_BACKWARD_CPU_H

#include <cstdint>

#include "../rotate_blocks_backward.h"
#include "rotate_blocks_cpu.h"

namespace oft::kernels {

/// Most rows that are multiplied together, their sums being added up; `scratch` holds so many of x
/// and of y_grad for one block, each with up to `kPadding` elements more.
inline constexpr std::int64_t kSummedRows = 64;

// What rotate_blocks_backward.cpp chooses from. `scratch` starts at a multiple of 64 bytes.
template <typename T>
void rotate_blocks_backward_scalar(const RotateBlocksBackward<T>& work, AccumulateT<T>* scratch);
template <typename T>
void rotate_blocks_backward_avx2(const RotateBlocksBackward<T>& work, AccumulateT<T>* scratch);
template <typename T>
void rotate_blocks_backward_avx512(const RotateBlocksBackward<T>& work, AccumulateT<T>* scratch);

}  // namespace oft::kernels

#endif
