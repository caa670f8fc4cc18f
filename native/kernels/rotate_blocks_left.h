#ifndef OFT_KERNELS_ROTATE_BLOCKS_LEFT_H
#define OFT_KERNELS_ROTATE_BLOCKS_LEFT_H

#include <cstdint>

#include "isa.h"
#include "rotate_blocks.h"

/// Rotation of the rows of a matrix, block by block:
///
///     y[k*b + j, c] = sum over t of  m[k, j, t] * x[k*b + t, c]
///
/// for columns c < columns, blocks k < blocks and t, j < b.
///
/// x, y    row-major, `blocks * b` rows of `columns` elements; a row starts `x_stride` (`y_stride`)
///         elements after the one before. y may be x itself with the same stride; any other overlap
///         is undefined. No alignment is needed.
/// m       as `RotateBlocks` has it.
/// Sums run in the type of m, in an order that does not depend on `columns` or `blocks`. Rounding,
/// special values and threads are those of `rotate_blocks`.
namespace oft::kernels {

template <typename T>
struct RotateBlocksLeft {
  using M = typename Accumulate<T>::type;

  const T* x;
  std::int64_t x_stride;
  T* y;
  std::int64_t y_stride;
  const M* m;
  std::int64_t columns;
  std::int64_t blocks;
  std::int64_t b;
  bool shared;
};

/// T is float, double, BFloat16 or Half; `isa` is one that is offered. Throws std::bad_alloc where
/// memory for some columns of a block is wanting.
template <typename T>
void rotate_blocks_left(const RotateBlocksLeft<T>& work, Isa isa = active_isa());

}  // namespace oft::kernels

#endif
