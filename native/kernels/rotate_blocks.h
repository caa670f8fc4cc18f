#ifndef OFT_KERNELS_ROTATE_BLOCKS_H
#define OFT_KERNELS_ROTATE_BLOCKS_H

#include <cstdint>

#include "isa.h"

/// Rotation of the columns of a matrix, block by block:
///
///     y[i, k*b + j] = sum over t of  x[i, k*b + t] * m[k, t, j]
///
/// for rows i < rows, blocks k < blocks and t, j < b.
///
/// x, y    row-major, `rows` rows of `blocks * b` elements; a row starts `x_stride` (`y_stride`)
///         elements after the one before. y may be x itself with the same stride; any other overlap
///         is undefined. No alignment is needed.
/// m       `blocks` matrices of b x b, row-major, one after another; with `shared` just one, used
///         for every block.
/// Sums run in the type of m, in an order that does not depend on `rows`, so that a matrix rotated
/// in pieces gives the same bits as one rotated whole. 16-bit results are rounded once, to nearest
/// even. NaN and infinity pass through as IEEE arithmetic has them; denormals are kept.
/// Single-threaded.
namespace oft::kernels {

/// bfloat16 and IEEE half by their bits.
struct BFloat16 {
  std::uint16_t bits;
};
struct Half {
  std::uint16_t bits;
};

template <typename T>
struct Accumulate {
  using type = float;
};
template <>
struct Accumulate<double> {
  using type = double;
};

template <typename T>
struct RotateBlocks {
  using M = typename Accumulate<T>::type;

  const T* x;
  std::int64_t x_stride;
  T* y;
  std::int64_t y_stride;
  const M* m;
  std::int64_t rows;
  std::int64_t blocks;
  std::int64_t b;
  bool shared;
};

/// T is float, double, BFloat16 or Half; `isa` is one that is offered. Throws std::bad_alloc where
/// memory for some rows is wanting.
template <typename T>
void rotate_blocks(const RotateBlocks<T>& work, Isa isa = active_isa());

}  // namespace oft::kernels

#endif
