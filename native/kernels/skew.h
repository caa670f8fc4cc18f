#ifndef OFT_KERNELS_SKEW_H
#define OFT_KERNELS_SKEW_H

#include <cstdint>

#include "isa.h"

/// Skew-symmetric matrices and their parameters. For each of `blocks` matrices Q of b x b, q holds
/// the b(b-1)/2 elements above the diagonal, row by row:
///
///     unpack_skew   Q[i,j] = q[t], Q[j,i] = -q[t], Q[i,i] = 0
///     pack_upper    q[t] = m[i,j] of any matrix m, what is below the diagonal unread
///
/// Matrices are row-major, one after another; input and output must not overlap. T is float or
/// double; `isa` is one that is offered. Packing only copies runs of elements, which no instruction
/// set does better than another. Single-threaded.
namespace oft::kernels {

template <typename T>
void unpack_skew(const T* q, T* skew, std::int64_t blocks, std::int64_t b, Isa isa = active_isa());

template <typename T>
void pack_upper(const T* m, T* q, std::int64_t blocks, std::int64_t b);

}  // namespace oft::kernels

#endif
