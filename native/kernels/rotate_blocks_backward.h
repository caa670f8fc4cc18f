#ifndef OFT_KERNELS_ROTATE_BLOCKS_BACKWARD_H
#define OFT_KERNELS_ROTATE_BLOCKS_BACKWARD_H

#include <cstdint>

#include "isa.h"
#include "rotate_blocks.h"

/// Gradient of the matrices m of `rotate_blocks`, given that of its result:
///
///     m_grad[k, t, j] = sum over i of  x[i, k*b + t] * y_grad[i, k*b + j]
///
/// for rows i < rows, blocks k < blocks, j < b and t from `first` up to `last`; with `shared` the
/// blocks are summed up too. (The gradient of x is `rotate_blocks` of y_grad by transposed m.)
///
/// x, y_grad   row-major, `rows` rows of `blocks * b` elements, with strides as of `RotateBlocks`
/// m_grad      `blocks` matrices of b x b, or one; rows [first, last) of each are overwritten
/// Sums run in the type of m_grad, in an order that depends on `rows` alone (with `shared` on
/// `blocks` too): blocks or rows of m_grad computed apart have the same bits. NaN and infinity pass
/// through as IEEE arithmetic has them; denormals are kept. Single-threaded.
namespace oft::kernels {

template <typename T>
struct RotateBlocksBackward {
  using M = typename Accumulate<T>::type;

  const T* x;
  std::int64_t x_stride;
  const T* y_grad;
  std::int64_t y_grad_stride;
  M* m_grad;
  std::int64_t rows;
  std::int64_t blocks;
  std::int64_t b;
  std::int64_t first;
  std::int64_t last;
  bool shared;
};

/// T is float, double, BFloat16 or Half; `isa` is one that is offered. Throws std::bad_alloc where
/// memory for some rows of a block is wanting.
template <typename T>
void rotate_blocks_backward(const RotateBlocksBackward<T>& work, Isa isa = active_isa());

}  // namespace oft::kernels

#endif
