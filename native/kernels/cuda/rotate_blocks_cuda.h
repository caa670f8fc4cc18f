#ifndef OFT_KERNELS_CUDA_ROTATE_BLOCKS_CUDA_H
#define OFT_KERNELS_CUDA_ROTATE_BLOCKS_CUDA_H

#include <cuda_runtime_api.h>

#include <cstdint>

#include "rotate_blocks.h"

/// rotate_blocks.h on a device: the same formula, layouts and overlap, for b of 1 to
/// kRotateMaxBlockCuda. All pointers are of the current device. Calls return at once, with the
/// error of the launch; the work is done in the order of `stream`.
///
/// float and double are multiplied and added as they are. 16-bit elements go to the tensor cores as
/// TF32, which holds them exactly (of bfloat16 all but denormals), and m goes there as the sum of
/// two TF32 numbers. Besides the rounding of sums in float32, that leaves an error of at most
/// 2^-22 sum |x| |m|, where a float16 result is rounded at 2^-12 and a bfloat16 one at 2^-9. What
/// is not finite stays so, but may be NaN where IEEE arithmetic has an infinity.
namespace oft::kernels {

constexpr std::int64_t kRotateMaxBlockCuda = 128;

template <typename T>
cudaError_t rotate_blocks_cuda(const RotateBlocks<T>& work, cudaStream_t stream);

/// The gradient of m, the rows of y_grad being dL/dy:
///
///     m_grad[k, t, j] = sum over i of  x[i, k*b + t] * y_grad[i, k*b + j]
///
/// and, with `shared`, the sum of that over all blocks. Sums run in the type of m, in an order
/// given by rows, blocks and b alone: the same bits each time. Products of 16-bit elements are
/// exact.
template <typename T>
struct RotateBlocksBackwardCuda {
  using M = typename Accumulate<T>::type;

  const T* x;
  std::int64_t x_stride;
  const T* y_grad;
  std::int64_t y_grad_stride;
  M* m_grad;
  M* partials;  ///< working memory of `rotate_blocks_partials(rows, blocks, b)` elements, aligned
                ///< to 32 bytes
  std::int64_t rows;
  std::int64_t blocks;
  std::int64_t b;
  bool shared;
};

std::int64_t rotate_blocks_partials(std::int64_t rows, std::int64_t blocks, std::int64_t b);

template <typename T>
cudaError_t rotate_blocks_backward_cuda(const RotateBlocksBackwardCuda<T>& work,
                                        cudaStream_t stream);

}  // namespace oft::kernels

#endif
