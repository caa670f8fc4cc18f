#ifndef OFT_KERNELS_CPU_LANCZOS_H
#define OFT_KERNELS_CPU_LANCZOS_H

#include <cstdint>

#include "skew_norm_cpu.h"

// Lanczos' method for a skew-symmetric Q: with v[0] = 0 and v[1] of length 1,
//     beta[j] v[j+1] = Q v[j] + beta[j-1] v[j-1]
// makes Q tridiagonal on the v, zeros in the diagonal and +-beta beside it. Times i^j that is the
// symmetric matrix with the betas on both sides, whose largest eigenvalue grows to |Q|.
// A `Number` is a double, or one of GCC's vectors of doubles, a Q to each lane: both have the same
// operators. Anonymous, as ISA units must share no code.
namespace oft::kernels {
namespace {

inline bool any(bool mask) { return mask; }

template <typename Mask>
bool any(Mask mask) {
  bool result = false;
  for (std::uint64_t lane = 0; lane < sizeof(mask) / sizeof(mask[0]); ++lane) {
    result = result || mask[lane] != 0;
  }
  return result;
}

inline double square_root(double x) { return __builtin_sqrt(x); }

template <typename Vec>
Vec square_root(Vec x) {
  for (std::uint64_t lane = 0; lane < sizeof(x) / sizeof(x[0]); ++lane) {
    x[lane] = __builtin_sqrt(x[lane]);
  }
  return x;
}

/// Whether, in any lane, that matrix, of `count` betas, has an eigenvalue above x: one of
/// x I - T's pivots is then negative.
template <typename Number>
bool has_eigenvalue_above(Number x, const Number* betas, std::int64_t count) {
  Number pivot = x;
  auto positive = x > 0;
  for (std::int64_t j = 0; j < count; ++j) {
    pivot = x - betas[j] * betas[j] / pivot;
    positive &= pivot > 0;
  }
  return any(positive == 0);
}

/// The largest eigenvalue, by Laguerre's iteration on the characteristic polynomial p: from above
/// it comes down to the largest root, and ever faster. p'/p and its derivative are sums over the
/// pivots, whose product p is.
template <typename Number>
Number largest_eigenvalue(const Number* betas, std::int64_t count) {
  Number x{};  // no row sums up to more than this
  for (std::int64_t j = 0; j < count; ++j) {
    const Number sum = j + 1 < count ? betas[j] + betas[j + 1] : betas[j];
    x = sum > x ? sum : x;
  }
  auto above = x > 0;  // the root; rounding aside, x comes to be it else
  const auto order = static_cast<double>(count + 1);
  for (int iteration = 0; iteration < 100 && any(above); ++iteration) {
    Number reciprocal = 1 / x;       // of the pivot
    Number first = reciprocal;       // the pivot's derivative over the pivot
    Number second{};                 // its second one, over the pivot
    Number slope = first;            // p'/p
    Number decline = first * first;  // -(p'/p)'
    for (std::int64_t j = 0; j < count; ++j) {
      const Number part = betas[j] * betas[j] * reciprocal;
      const Number pivot = x - part;
      above &= pivot > 0;
      reciprocal = 1 / pivot;
      second = part * (second - 2 * first * first) * reciprocal;
      first = (1 + part * first) * reciprocal;
      slope += first;
      decline += first * first - second;
    }
    const Number spread = (order - 1) * (order * decline - slope * slope);
    const Number step = order / (slope + square_root(spread > 0 ? spread : Number{}));
    x = above ? x - step : x;
    above &= step > 1e-15 * x;
  }
  return x;
}

/// |Q| from `multiply(v, w)`, which adds Q v to w. Vectors have zeros from b on.
template <typename Number, typename Multiply>
Number lanczos_norm(std::int64_t b, Number* scratch, Multiply multiply) {
  constexpr std::int64_t kStepsBetweenLooks = 8;
  constexpr double kTolerance = 1e-12;
  const std::int64_t size = b + kVectorPadding;
  Number* before = scratch;
  Number* v = before + size;
  Number* w = v + size;
  Number* betas = w + size;

  // A start that no Q of practice is blind to.
  std::uint32_t noise = 1;
  Number squares{};
  for (std::int64_t t = 0; t < size; ++t) {
    noise = noise * 1664525u + 1013904223u;
    const double start = (noise >> 31 != 0 ? 0.5 : -0.5) + static_cast<double>(noise) * 0x1p-33;
    before[t] = Number{};
    v[t] = Number{} + (t < b ? start : 0);
    squares += v[t] * v[t];
  }
  const Number scale = 1 / square_root(squares);
  for (std::int64_t t = 0; t < b; ++t) v[t] *= scale;

  Number beta{};
  Number largest{};
  Number norm{};
  auto finite = squares > 0;
  for (std::int64_t count = 1; count <= most_products(b); ++count) {
    for (std::int64_t t = 0; t < size; ++t) w[t] = beta * before[t];
    multiply(v, w);
    squares = Number{};
    for (std::int64_t t = 0; t < b; ++t) squares += w[t] * w[t];
    beta = square_root(squares);
    finite &= beta <= 1e300;
    // Where nothing is left, or nothing of use, zeros follow.
    auto goes_on = beta > 1e-15 * largest;
    goes_on &= finite;
    beta = goes_on ? beta : Number{};
    betas[count - 1] = beta;
    largest = beta > largest ? beta : largest;
    const bool ends = !any(goes_on);
    if (ends || count % kStepsBetweenLooks == 0) {
      if (!has_eigenvalue_above(norm * (1 + kTolerance) + 1e-300, betas, count)) break;
      norm = largest_eigenvalue(betas, count);
      if (ends) break;
    }
    const Number reciprocal = 1 / beta;
    for (std::int64_t t = 0; t < b; ++t) w[t] = goes_on ? w[t] * reciprocal : Number{};
    Number* free = before;
    before = v;
    v = w;
    w = free;
  }
  return finite ? norm : Number{} + __builtin_nan("");
}

}  // namespace
}  // namespace oft::kernels

#endif
