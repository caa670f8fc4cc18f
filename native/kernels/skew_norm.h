#ifndef OFT_KERNELS_SKEW_NORM_H
#define OFT_KERNELS_SKEW_NORM_H

#include <cstdint>

#include "isa.h"

/// Spectral norms of skew-symmetric matrices. For each of `blocks` matrices Q of b x b, given by
/// the b(b-1)/2 elements above the diagonal, row by row:
///
///     norms[k] = |Q|_2, the largest theta of Q's eigenvalues +-i theta
///
/// by Lanczos' method from a fixed start, to some 1e-12 of it: a few products of Q and a vector
/// where a decomposition takes b of them. T is float or double, the arithmetic double; `isa` is one
/// that is offered. NaN where an element is not finite or its square too large. Throws
/// std::bad_alloc where memory for some vectors is wanting. Single-threaded.
namespace oft::kernels {

template <typename T>
void skew_norms(const T* q, double* norms, std::int64_t blocks, std::int64_t b,
                Isa isa = active_isa());

}  // namespace oft::kernels

#endif
