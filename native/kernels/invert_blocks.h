#ifndef OFT_KERNELS_INVERT_BLOCKS_H
#define OFT_KERNELS_INVERT_BLOCKS_H

#include <cstdint>

#include "isa.h"

/// For each of `blocks` matrices R of b x b, row-major, one after another:
///
///     inverse = R^-1,   residuals[k] = |R inverse - I|_F
///
/// by elimination without pivoting. That is as good as any where the symmetric part of R is
/// positive definite, as that of a rotation by less than a right angle; elsewhere the inverse may
/// be wrong, and NaN or infinite where a pivot is 0: the residual tells, which bounds its relative
/// error.
///
/// r and inverse must not overlap; `isa` is one that is offered. A NaN or infinity spoils its own
/// block only. Throws std::bad_alloc where memory for some matrices is wanting. Single-threaded.
namespace oft::kernels {

void invert_blocks(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                   std::int64_t b, Isa isa = active_isa());

}  // namespace oft::kernels

#endif
