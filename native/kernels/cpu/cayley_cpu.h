#ifndef OFT_KERNELS_CPU_CAYLEY_CPU_H
#define OFT_KERNELS_CPU_CAYLEY_CPU_H

#include <cstdint>

#include "../cayley.h"
#include "gauss_jordan.h"
#include "series.h"
#include "working_matrix.h"

namespace oft::kernels {

/// Elements of working memory for one matrix of small blocks, a block to a lane: 8 x 8 vectors.
inline constexpr std::int64_t kLanesScratch = 64 * 16;

namespace {

/// Whether R = (I - Q)(I + Q)^-1 is nearer to I than to -I, by the mean square of its half-angles'
/// tangents, `squares` being the sum of q^2. Anonymous, as ISA units must share no code.
template <typename T>
bool is_near_identity(T squares, std::int64_t b) {
  return 2 * squares <= static_cast<T>(b);
}

}  // namespace

// What cayley.cpp chooses from. `scratch` starts at a multiple of 64 bytes and holds
//     exact     2 kLanesScratch elements, and b + 2 kEliminated rows of
//               b + kRowPadding + kEliminated
//     Neumann   4 kLanesScratch elements, and 4 matrices of b x b filled up to squares
template <typename T>
void cayley_scalar(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch);
template <typename T>
void cayley_avx2(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch);
template <typename T>
void cayley_avx512(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch);

template <typename T>
void cayley_neumann_scalar(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                           std::int64_t terms, bool legacy, T* scratch);
template <typename T>
void cayley_neumann_avx2(const T* q, T* r, std::int64_t blocks, std::int64_t b, std::int64_t terms,
                         bool legacy, T* scratch);
template <typename T>
void cayley_neumann_avx512(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                           std::int64_t terms, bool legacy, T* scratch);

}  // namespace oft::kernels

#endif
