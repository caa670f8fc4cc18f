#include "odd_function.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/mm.h>
#include <c10/util/MathConstants.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "block_grain.hpp"
#include "kernels/skew_norm.h"
#include "oft/error.hpp"
#include "oft/rotation.hpp"

namespace oft {
namespace {

// f(theta) / theta below this is the limit for theta -> 0 to rounding.
constexpr double kSmallestTheta = 1e-9;
// Of the polynomial in Q^2. Terms have to fall tenfold each, so that powers serve as well as
// Chebyshev's polynomials: those have coefficients of (1 + sqrt 2)^k at most.
constexpr std::size_t kTerms = 17;
constexpr double kNegligible = 1e-16;
// Small matrices are no faster by products.
constexpr std::int64_t kSmallestBlock = 24;

using Coefficients = std::vector<double>;

double ratio(const OddFunction& f, double theta) {
  const double positive = std::max(theta, kSmallestTheta);
  return f.value(positive) / positive;
}

/// Coefficients of powers of y in [-1, 1] for sum c[k] T_k(y).
Coefficients powers_of_chebyshev(const Coefficients& c) {
  Coefficients sum(c.size(), 0.0);
  Coefficients previous(c.size(), 0.0);
  Coefficients current(c.size(), 0.0);  // T_k as powers, starting from T_0
  current[0] = 1;
  for (std::size_t k = 0; k < c.size(); ++k) {
    for (std::size_t i = 0; i < c.size(); ++i) sum[i] += c[k] * current[i];
    Coefficients next(c.size(), 0.0);
    for (std::size_t i = 1; i < c.size(); ++i) next[i] = (k == 0 ? 1 : 2) * current[i - 1];
    if (k > 0)
      for (std::size_t i = 0; i < c.size(); ++i) next[i] -= previous[i];
    previous = std::move(current);
    current = std::move(next);
  }
  return sum;
}

/// g(theta) = f(theta) / theta as powers of y = 2 theta^2 / largest^2 - 1, by its values at
/// Chebyshev's nodes; nothing where the terms do not fall fast enough.
std::optional<Coefficients> polynomial(const OddFunction& f, double largest) {
  std::array<double, kTerms> values;
  for (std::size_t i = 0; i < kTerms; ++i) {
    const double y = std::cos(c10::pi<double> * (static_cast<double>(i) + 0.5) / kTerms);
    values[i] = ratio(f, largest * std::sqrt((y + 1) / 2));
    if (!std::isfinite(values[i])) return std::nullopt;
  }
  Coefficients c(kTerms, 0.0);
  for (std::size_t k = 0; k < kTerms; ++k) {
    for (std::size_t i = 0; i < kTerms; ++i)
      c[k] += values[i] * std::cos(c10::pi<double> * static_cast<double>(k) *
                                   (static_cast<double>(i) + 0.5) / kTerms);
    c[k] *= (k == 0 ? 1.0 : 2.0) / kTerms;
  }
  const double limit = std::abs(c[0]) * kNegligible * static_cast<double>(kTerms);
  if (std::abs(c[kTerms - 1]) > limit || std::abs(c[kTerms - 2]) > limit) return std::nullopt;
  while (c.size() > 1 && std::abs(c.back()) <= limit) c.pop_back();
  return powers_of_chebyshev(c);
}

/// sum c[k] Y^k by Paterson and Stockmeyer's scheme (1973): about 2 sqrt(n) products.
at::Tensor evaluate(const Coefficients& c, const at::Tensor& y) {
  const auto step = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(c.size()))));
  std::vector<at::Tensor> powers{y};  // Y, Y^2, .., Y^step
  while (powers.size() < step) powers.push_back(at::mm(powers.back(), y));
  at::Tensor sum;
  for (std::size_t first = (c.size() - 1) / step * step + step; first >= step; first -= step) {
    const std::size_t low = first - step;
    at::Tensor chunk = at::empty_like(y).zero_();
    chunk.diagonal().fill_(c[low]);
    for (std::size_t k = 1; k < step && low + k < c.size(); ++k)
      chunk.add_(powers[k - 1], c[low + k]);
    sum = sum.defined() ? at::addmm(chunk, sum, powers.back()) : chunk;
  }
  return sum;
}

/// g(Q^2), a symmetric matrix.
at::Tensor even_factor(const at::Tensor& skew, double norm, const OddFunction& f,
                       std::int64_t block) {
  const at::Tensor squares = at::mm(skew.t(), skew);
  if (skew.size(0) >= kSmallestBlock) {
    // Past the largest theta by more than the error of the norm.
    const double largest = std::max(norm * (1 + 1e-6), kSmallestTheta);
    if (const auto c = polynomial(f, largest)) {
      at::Tensor y = squares * (2 / (largest * largest));
      y.diagonal().sub_(1);
      return evaluate(*c, y);
    }
  }
  auto [values, vectors] = at::linalg_eigh(squares);
  double* value = values.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const double theta = std::sqrt(std::max(value[i], 0.0));
    value[i] = ratio(f, theta);
    if (!std::isfinite(value[i])) f.refuse(theta, block);
  }
  return (vectors * values).matmul(vectors.t());
}

}  // namespace

at::Tensor apply_odd_function(const at::Tensor& skew, const OddFunction& f) {
  const at::Tensor blocks = skew.cpu().contiguous();
  if (!blocks.isfinite().all().item<bool>())
    throw Error(Status::kInvalidArgument, "rotation parameters hold NaN or infinity");
  const std::int64_t b = blocks.size(-1);
  const at::Tensor upper = upper_from_skew(blocks);
  const double* parameters = upper.const_data_ptr<double>();
  at::Tensor result = at::empty_like(blocks);
  at::parallel_for(0, blocks.size(0), block_grain(b * b * b),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t i = begin; i < end; ++i) {
                       double norm = 0;
                       kernels::skew_norms(parameters + i * upper.size(1), &norm, 1, b);
                       const at::Tensor block = blocks[i];
                       const at::Tensor value = at::mm(block, even_factor(block, norm, f, i));
                       result[i].copy_((value - value.t()).mul_(0.5));
                     }
                   });
  return result.to(skew.device());
}

}  // namespace oft
