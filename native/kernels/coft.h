#ifndef OFT_KERNELS_COFT_H
#define OFT_KERNELS_COFT_H

#include <cstdint>

/// COFT's projection. Of `rows` rows of `parameters` elements, each the upper triangle of a
/// skew-symmetric Q:
///
///     projected = q                              where |Q|_F = sqrt(2) |q| <= limit
///               = q * (limit / |Q|_F)            elsewhere
///
/// projected may be q itself; any other overlap is undefined. T is float or double. A NaN or
/// infinity spoils its own row only. Plain C++ for every processor: a parameter is read twice and
/// written once, which memory bounds and not arithmetic. Single-threaded.
namespace oft::kernels {

template <typename T>
void project_coft(const T* q, T* projected, std::int64_t rows, std::int64_t parameters, T limit);

}  // namespace oft::kernels

#endif
