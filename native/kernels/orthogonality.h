#ifndef OFT_KERNELS_ORTHOGONALITY_H
#define OFT_KERNELS_ORTHOGONALITY_H

#include <cstdint>

#include "isa.h"

/// How far blocks are from rotations. For each of `blocks` matrices R of b x b, row-major, one
/// after another:
///
///     errors[k] = |R^T R - I|_F
///
/// T is float or double, the arithmetic double; `isa` is one that is offered. A NaN or infinity
/// makes its own block's error NaN or infinite. Throws std::bad_alloc where memory for two matrices
/// is wanting. Single-threaded.
namespace oft::kernels {

template <typename T>
void orthogonality_errors(const T* r, double* errors, std::int64_t blocks, std::int64_t b,
                          Isa isa = active_isa());

}  // namespace oft::kernels

#endif
