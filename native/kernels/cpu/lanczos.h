#ifndef OFT_KERNELS_CPU_LANCZOS_H
#define OFT_KERNELS_CPU_LANCZOS_H

#include <cstdint>

#include "skew_norm_cpu.h"

// Lanczos' method for a skew-symmetric Q: with v[0] = 0 and v[1] of length 1,
//     beta[j] v[j+1] = Q v[j] + beta[j-1] v[j-1]
// makes Q tridiagonal on the v, zeros in the diagonal and +-beta beside it. Times i^j that is the
// symmetric matrix with the betas on both sides, whose largest eigenvalue grows to |Q|.
// Anonymous, as ISA units must share no code.
namespace oft::kernels {
namespace {

/// Whether that matrix, of `count` betas, has an eigenvalue above x: one of x I - T's pivots is
/// then negative.
bool has_eigenvalue_above(double x, const double* betas, std::int64_t count) {
  double pivot = x;
  for (std::int64_t j = 0; j < count; ++j) {
    pivot = x - betas[j] * betas[j] / pivot;
    if (!(pivot > 0)) return true;
  }
  return false;
}

/// The largest eigenvalue, by Laguerre's iteration on the characteristic polynomial p: from above
/// it comes down to the largest root, and ever faster. p'/p and its derivative are sums over the
/// pivots, whose product p is.
double largest_eigenvalue(const double* betas, std::int64_t count) {
  double x = 0;  // no row sums up to more than this
  for (std::int64_t j = 0; j < count; ++j) {
    const double sum = betas[j] + (j + 1 < count ? betas[j + 1] : 0);
    if (sum > x) x = sum;
  }
  const auto order = static_cast<double>(count + 1);
  for (int iteration = 0; iteration < 100 && x > 0; ++iteration) {
    double reciprocal = 1 / x;       // of the pivot
    double first = reciprocal;       // the pivot's derivative over the pivot
    double second = 0;               // its second one, over the pivot
    double slope = first;            // p'/p
    double decline = first * first;  // -(p'/p)'
    for (std::int64_t j = 0; j < count; ++j) {
      const double part = betas[j] * betas[j] * reciprocal;
      const double pivot = x - part;
      if (!(pivot > 0)) return x;  // x is the root, but for rounding
      reciprocal = 1 / pivot;
      second = part * (second - 2 * first * first) * reciprocal;
      first = (1 + part * first) * reciprocal;
      slope += first;
      decline += first * first - second;
    }
    const double spread = (order - 1) * (order * decline - slope * slope);
    const double step = order / (slope + __builtin_sqrt(spread > 0 ? spread : 0));
    x -= step;
    if (!(step > 1e-15 * x)) break;
  }
  return x;
}

/// |Q| from `multiply(v, w)`, which adds Q v to w. Vectors have zeros from b on.
template <typename Multiply>
double lanczos_norm(std::int64_t b, double* scratch, Multiply multiply) {
  constexpr std::int64_t kStepsBetweenLooks = 8;
  constexpr double kTolerance = 1e-12;
  const std::int64_t size = b + kVectorPadding;
  double* before = scratch;
  double* v = before + size;
  double* w = v + size;
  double* betas = w + size;

  // A start that no Q of practice is blind to.
  std::uint32_t noise = 1;
  double squares = 0;
  for (std::int64_t t = 0; t < size; ++t) {
    noise = noise * 1664525u + 1013904223u;
    v[t] = t < b ? (noise >> 31 != 0 ? 0.5 : -0.5) + static_cast<double>(noise) * 0x1p-33 : 0;
    before[t] = 0;
    squares += v[t] * v[t];
  }
  for (std::int64_t t = 0; t < b; ++t) v[t] /= __builtin_sqrt(squares);

  double beta = 0;
  double largest = 0;
  double norm = 0;
  for (std::int64_t count = 0; count < most_products(b); ++count) {
    for (std::int64_t t = 0; t < size; ++t) w[t] = beta * before[t];
    multiply(v, w);
    squares = 0;
    for (std::int64_t t = 0; t < b; ++t) squares += w[t] * w[t];
    beta = __builtin_sqrt(squares);
    if (!(beta <= 1e300)) return __builtin_nan("");
    if (beta <= 1e-15 * largest || beta == 0) return largest_eigenvalue(betas, count);
    betas[count] = beta;
    if (beta > largest) largest = beta;
    if ((count + 1) % kStepsBetweenLooks == 0) {
      const double above = norm * (1 + kTolerance);
      if (norm > 0 && !has_eigenvalue_above(above, betas, count + 1)) return norm;
      norm = largest_eigenvalue(betas, count + 1);
    }
    for (std::int64_t t = 0; t < b; ++t) w[t] /= beta;
    double* free = before;
    before = v;
    v = w;
    w = free;
  }
  return norm;
}

}  // namespace
}  // namespace oft::kernels

#endif
