#ifndef OFT_KERNELS_CAYLEY_H
#define OFT_KERNELS_CAYLEY_H

#include <cstdint>

#include "isa.h"

/// Rotation blocks from skew-symmetric parameters. For each of `blocks` matrices Q of b x b, given
/// by the b(b-1)/2 elements above the diagonal, row by row (Q[i,j] = q[t], Q[j,i] = -q[t]):
///
///     cayley           R = (I - Q)(I + Q)^-1 = 2 (I + Q)^-1 - I
///     cayley_neumann   R = I + 2Q + 2Q^2 + ... + 2Q^(n-2) + c Q^(n-1)
///
/// with n = `terms`; c = 1, or 2 where `legacy` asks for the series of PEFT 0.16-0.17. As PEFT has
/// it: n <= 1 gives I, n = 2 gives I + 2Q, and without `legacy` n = 3 equals n = 4.
///
/// I + Q needs no pivoting: its symmetric part is I, so every leading minor is at least 1. The
/// exact R is off by about one rounding where Q is small; the error grows with |Q|.
///
/// q and r must not overlap; r is row-major, `blocks` matrices one after another. T is float or
/// double; `isa` is one that is offered. A NaN or infinity spoils its own block only. Throws
/// std::bad_alloc where memory for some matrices is wanting. Single-threaded.
namespace oft::kernels {

template <typename T>
void cayley(const T* q, T* r, std::int64_t blocks, std::int64_t b, Isa isa = active_isa());

template <typename T>
void cayley_neumann(const T* q, T* r, std::int64_t blocks, std::int64_t b, std::int64_t terms,
                    bool legacy, Isa isa = active_isa());

}  // namespace oft::kernels

#endif
