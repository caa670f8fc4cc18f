#ifndef OFT_KERNELS_CPU_CAYLEY_NEUMANN_BACKWARD_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_NEUMANN_BACKWARD_SIMD_H

#include <cstdint>

#include "cayley_backward_cpu.h"
#include "panels_simd.h"

// The gradient of the Cayley transform's series over `Simd<T>`.
namespace oft::kernels {
namespace {

/// Horner's rule in P = Q^2 = -G backwards, with G = Q^T Q. With
///     R = H[0],   H[j] = c[2j] I + c[2j+1] Q - G H[j+1],   the last one with -c[2j+2] G,
/// it is, from dH[0] = dR on,
///     dQ += c[2j+1] dH[j],   dP += dH[j] H[j+1]^T,   dH[j+1] = -G dH[j],   as G is symmetric,
/// and at last dQ -= dP Q + Q dP, of which only what is antisymmetric counts: that of
/// (dP + dP^T) Q. The H are kept transposed: the same polynomials in -Q. All products are of the
/// kind a^T b, for which the dH are kept transposed too.
template <typename T>
class BlockSeriesGradient {
 public:
  using S = Simd<T>;
  static constexpr std::int64_t kLanes = S::kLanes;

  BlockSeriesGradient(std::int64_t b, const Series<T>& series, T* scratch)
      : at_(b),
        series_(series),
        last_(series.pairs() - 1),
        single_(series.ends_in_square() ? series.coefficient(series.degree) : 0),
        skew_(scratch),
        gram_(skew_ + at_.size()),
        grad_(gram_ + at_.size()),
        next_(grad_ + at_.size()),
        grad_transposed_(next_ + at_.size()),
        skew_grad_(grad_transposed_ + at_.size()),
        square_grad_(skew_grad_ + at_.size()),
        h_(square_grad_ + at_.size()) {}

  void compute(const T* q, const T* r_grad, T* q_grad) {
    load_skew(q, T{0}, at_, skew_);
    if (last_ > 0) make_polynomials();
    load_gradient(r_grad);
    if (last_ == 0) scale_gradient();
    for (std::int64_t j = 0; j < last_; ++j) step(j);
    if (series_.degree > 1) add_square_grad();
    store_skew_part(skew_grad_, T{1}, at_, q_grad);
  }

 private:
  using Place = std::int64_t;

  /// H[j]^T for j > 0.
  T* polynomial(std::int64_t j) const { return h_ + (j - 1) * at_.size(); }

  void make_polynomials() {
    const auto store = [&](Place i, Place j, std::int64_t pair, T factor, const Square<T>& square) {
      const std::int64_t t = at_.place(i, j);
      const T diagonal = i == j ? series_.coefficient(2 * pair) : 0;
      const T odd = series_.coefficient(2 * pair + 1);
      store_square(less_square(diagonal, -odd, skew_ + t, factor, square), polynomial(pair) + t);
    };
    for_each_gram_square(at_, skew_, at_.b, [&](Place i, Place j, const Square<T>& square) {
      store_square(square, gram_ + at_.place(i, j));
      store(i, j, last_, single_, square);
    });
    for (std::int64_t pair = last_ - 1; pair > 0; --pair) {
      for_each_product_square(
          at_, gram_, polynomial(pair + 1),
          [&](Place i, Place j, const Square<T>& square) { store(i, j, pair, 1, square); });
    }
  }

  /// dH[0], and its transpose.
  void load_gradient(const T* r_grad) {
    for (Place i = 0; i < at_.columns; i += kLanes) {
      for (Place j = 0; j < at_.columns; j += kLanes) {
        Square<T> square;
#pragma GCC unroll 16
        for (int k = 0; k < kLanes; ++k) {
          square.rows[k] =
              i + k < at_.b ? load_up_to<T>(r_grad + (i + k) * at_.b + j, at_.b - j) : S::zero();
        }
        store_square(square, grad_ + at_.place(i, j));
        transpose<T>(square.rows);
        store_square(square, grad_transposed_ + at_.place(j, i));
      }
    }
  }

  /// dQ and dP where there is no product but Q^2.
  void scale_gradient() {
    for_each_vector(at_, [&](Place i, Place j) {
      const std::int64_t t = at_.place(i, j);
      const auto v = S::load(grad_ + t);
      S::store(skew_grad_ + t, S::multiply(S::set(series_.coefficient(1)), v));
      S::store(square_grad_ + t, S::multiply(S::set(single_), v));
    });
  }

  /// dP += dH[j] H[j+1]^T, then dH[j+1] and its dQ.
  void step(std::int64_t j) {
    for_each_product_square(
        at_, grad_transposed_, polynomial(j + 1), [&](Place i, Place k, const Square<T>& square) {
          T* to = square_grad_ + at_.place(i, k);
          store_square(j == 0 ? square : less_square(T{0}, T{1}, to, T{-1}, square), to);
        });
    const T* before = j == 0 ? grad_ : skew_grad_;
    const T factor = j == 0 ? series_.coefficient(1) : T{1};
    const T odd = series_.coefficient(2 * j + 3);
    const bool is_last = j + 1 == last_;
    for_each_product_square(at_, gram_, grad_, [&](Place i, Place k, Square<T> square) {
      const std::int64_t t = at_.place(i, k);
      store_square(less_square(T{0}, factor, before + t, odd, square), skew_grad_ + t);
      if (is_last) {
        T* to = square_grad_ + t;
        return store_square(less_square(T{0}, T{1}, to, single_, square), to);
      }
      for (auto& row : square.rows) row = S::multiply(S::set(-1), row);
      store_square(square, next_ + t);
      transpose<T>(square.rows);
      store_square(square, grad_transposed_ + at_.place(k, i));
    });
    T* free = grad_;
    grad_ = next_;
    next_ = free;
  }

  void add_square_grad() {
    add_transposed(at_, square_grad_);
    for_each_product_square(at_, square_grad_, skew_,
                            [&](Place i, Place j, const Square<T>& square) {
                              T* to = skew_grad_ + at_.place(i, j);
                              store_square(less_square(T{0}, T{1}, to, T{1}, square), to);
                            });
  }

  Panels<T> at_;
  Series<T> series_;
  std::int64_t last_;
  T single_;
  T* skew_;
  T* gram_;
  T* grad_;
  T* next_;
  T* grad_transposed_;
  T* skew_grad_;
  T* square_grad_;
  T* h_;
};

template <typename T>
void cayley_neumann_backward_simd(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                                  std::int64_t b, std::int64_t terms, bool legacy, T* scratch) {
  const Series<T> series(terms, legacy);
  const std::int64_t parameters = b * (b - 1) / 2;
  if (series.degree == 0) {
    for (std::int64_t t = 0; t < blocks * parameters; ++t) q_grad[t] = 0;
    return;
  }
  BlockSeriesGradient<T> gradient(b, series, scratch);
  for (std::int64_t block = 0; block < blocks; ++block) {
    gradient.compute(q, r_grad, q_grad);
    q += parameters;
    r_grad += b * b;
    q_grad += parameters;
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
