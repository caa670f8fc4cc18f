#ifndef OFT_KERNELS_CAYLEY_BACKWARD_H
#define OFT_KERNELS_CAYLEY_BACKWARD_H

#include <cstdint>

#include "isa.h"

/// Gradients of the transforms of cayley.h. For each of `blocks` matrices of b x b, from G = dL/dR:
///
///     q_grad[t] = X[i,j] - X[j,i],  i < j row by row, with X = dL/dQ, elements as if independent
///     cayley_backward           X = -2 A^T G A^T with A = (I + Q)^-1 = (R + I) / 2, from R
///     cayley_neumann_backward   X = the sum of c[m] (Q^T)^k G (Q^T)^l over m = k + l + 1, from q
///
/// with c the coefficients of cayley_neumann for `terms` and `legacy`.
///
/// q_grad must not overlap the inputs; matrices are row-major, one after another. T is float or
/// double; `isa` is one that is offered. A NaN or infinity spoils its own block only. Working
/// memory is some matrices of b x b, for the series terms / 2 more. Throws std::bad_alloc where it
/// is wanting. Single-threaded.
namespace oft::kernels {

template <typename T>
void cayley_backward(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks, std::int64_t b,
                     Isa isa = active_isa());

template <typename T>
void cayley_neumann_backward(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                             std::int64_t b, std::int64_t terms, bool legacy,
                             Isa isa = active_isa());

}  // namespace oft::kernels

#endif
