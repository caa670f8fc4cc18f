#ifndef OFT_KERNELS_CPU_CAYLEY_BACKWARD_CPU_H
#define OFT_KERNELS_CPU_CAYLEY_BACKWARD_CPU_H

#include <cstdint>

#include "../cayley_backward.h"
#include "series.h"
#include "working_matrix.h"

namespace oft::kernels {

/// Working matrices of the series' gradient, beside one for each pair of coefficients.
inline constexpr std::int64_t kSeriesMatrices = 7;

// What cayley_backward.cpp chooses from. `scratch` starts at a multiple of 64 bytes and holds
//     exact     3b rows of b + kRowPadding elements, and b x kStripWidth
//     Neumann   kSeriesMatrices + pairs matrices of b x b filled up to squares
template <typename T>
void cayley_backward_scalar(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                            std::int64_t b, T* scratch);
template <typename T>
void cayley_backward_avx2(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                          std::int64_t b, T* scratch);
template <typename T>
void cayley_backward_avx512(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                            std::int64_t b, T* scratch);

template <typename T>
void cayley_neumann_backward_scalar(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                                    std::int64_t b, std::int64_t terms, bool legacy, T* scratch);
template <typename T>
void cayley_neumann_backward_avx2(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                                  std::int64_t b, std::int64_t terms, bool legacy, T* scratch);
template <typename T>
void cayley_neumann_backward_avx512(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                                    std::int64_t b, std::int64_t terms, bool legacy, T* scratch);

}  // namespace oft::kernels

#endif
