#ifndef OFT_KERNELS_CPU_CAYLEY_NEUMANN_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_NEUMANN_SIMD_H

#include <cstdint>

#include "cayley_cpu.h"
#include "cayley_lanes_simd.h"
#include "panels_simd.h"

// The series of the Cayley transform over `Simd<T>`.
namespace oft::kernels {
namespace {

/// Horner's rule in G = Q^T Q = -Q^2, from the highest pair of coefficients down:
///     X = c[2j] I + c[2j+1] Q - G X
/// G is symmetric, so both products are of the kind a^T b, and of G only what is above the diagonal
/// is computed, and transposed in registers.
template <typename T>
class BlockSeries {
 public:
  using S = Simd<T>;
  static constexpr std::int64_t kLanes = S::kLanes;

  BlockSeries(std::int64_t b, const Series<T>& series, T* scratch)
      : at_(b),
        series_(series),
        skew_(scratch),
        gram_(skew_ + at_.size()),
        sum_(gram_ + at_.size()),
        next_(sum_ + at_.size()) {}

  void compute(const T* q, T* r) {
    load_skew(q, T{0}, at_, skew_);
    std::int64_t pair = series_.pairs() - 1;
    start(pair, r);
    while (pair > 0) multiply(--pair, r);
  }

 private:
  /// G, and the highest pair with the square that may stand alone above it.
  void start(std::int64_t pair, T* r) {
    const T single = series_.ends_in_square() ? series_.coefficient(series_.degree) : 0;
    const std::int64_t depth = series_.degree > 1 ? at_.b : 0;
    for_each_gram_square(at_, skew_, depth,
                         [&](std::int64_t i, std::int64_t j, const Square<T>& square) {
                           store_square(square, gram_ + at_.place(i, j));
                           store_sum(i, j, pair_less(i, j, pair, single, square), pair, sum_, r);
                         });
  }

  void multiply(std::int64_t pair, T* r) {
    for_each_product_square(at_, gram_, sum_,
                            [&](std::int64_t i, std::int64_t j, const Square<T>& square) {
                              store_sum(i, j, pair_less(i, j, pair, 1, square), pair, next_, r);
                            });
    T* free = sum_;
    sum_ = next_;
    next_ = free;
  }

  [[gnu::always_inline]] Square<T> pair_less(std::int64_t i, std::int64_t j, std::int64_t pair,
                                             T factor, const Square<T>& square) const {
    return less_square(i == j ? series_.coefficient(2 * pair) : 0,
                       series_.coefficient(2 * pair + 1), skew_ + at_.place(i, j), factor, square);
  }

  /// To R at the last pair, else to `to`.
  [[gnu::always_inline]] void store_sum(std::int64_t i, std::int64_t j, const Square<T>& square,
                                        std::int64_t pair, T* to, T* r) const {
    if (pair > 0) return store_square(square, to + at_.place(i, j));
    const std::int64_t columns = at_most(at_.b - j, kLanes);
    T* first = r + i * at_.b + j;
#pragma GCC unroll 16
    for (int k = 0; k < kLanes; ++k) {
      if (i + k >= at_.b) break;
      store_up_to<T>(first + k * at_.b, square.rows[k], columns);
    }
  }

  Panels<T> at_;
  Series<T> series_;
  T* skew_;
  T* gram_;
  T* sum_;
  T* next_;
};

template <typename T>
void cayley_neumann_simd(const T* q, T* r, std::int64_t blocks, std::int64_t b, std::int64_t terms,
                         bool legacy, T* scratch) {
  if (b <= kLanesBlock<T>) return cayley_neumann_lanes(q, r, blocks, b, terms, legacy, scratch);
  BlockSeries<T> series(b, Series<T>(terms, legacy), scratch);
  for (std::int64_t block = 0; block < blocks; ++block, q += b * (b - 1) / 2, r += b * b) {
    series.compute(q, r);
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
