#include "skew_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "cases.h"
#include "guarded_buffer.h"
#include "number_format.h"

namespace oft::kernels {
namespace {

/// The upper triangle of a skew-symmetric matrix that turns planes by `thetas`, in a random basis.
std::vector<double> with_spectrum(const std::vector<double>& thetas, std::int64_t b) {
  std::vector<long double> q(static_cast<std::size_t>(b * b));
  const auto at = [&](std::int64_t i, std::int64_t j) -> long double& {
    return q[static_cast<std::size_t>(i * b + j)];
  };
  for (std::size_t k = 0; k < thetas.size(); ++k) {
    const auto i = static_cast<std::int64_t>(2 * k);
    at(i, i + 1) = thetas[k];
    at(i + 1, i) = -thetas[k];
  }
  std::mt19937 generator(static_cast<std::uint32_t>(b));
  std::normal_distribution<double> normal;
  for (int reflection = 0; reflection < 3; ++reflection) {
    // Q <- H Q H with H = I - 2 u u^T
    std::vector<long double> u(static_cast<std::size_t>(b));
    long double squares = 0;
    for (auto& value : u) {
      value = normal(generator);
      squares += value * value;
    }
    std::vector<long double> image(u.size());  // Q u
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) {
        image[static_cast<std::size_t>(i)] += at(i, j) * u[static_cast<std::size_t>(j)];
      }
    }
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) {
        const auto s = static_cast<std::size_t>(i);
        const auto t = static_cast<std::size_t>(j);
        at(i, j) -= 2 * (image[s] * u[t] - u[s] * image[t]) / squares;  // u^T Q u = 0
      }
    }
  }
  std::vector<double> upper;
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = i + 1; j < b; ++j) upper.push_back(static_cast<double>(at(i, j)));
  }
  return upper;
}

template <typename C>
class SkewNormTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;

  static double norm(const std::vector<double>& q, std::int64_t b) {
    const std::vector<T> values(q.begin(), q.end());
    const GuardedBuffer<T> guarded(values, Flush::kEnd);
    double result = -1;
    skew_norms(guarded.data(), &result, 1, b, C::kSet);
    return result;
  }
};

using Cases = ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>,
                               Case<float, Isa::kAvx512>, Case<double, Isa::kScalar>,
                               Case<double, Isa::kAvx2>, Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(SkewNormTest, Cases, CaseName);

// Rounding of q to its type moves an eigenvalue by at most |error|_F <= u |Q|_F.
TYPED_TEST(SkewNormTest, IsTheLargestOfTheSpectrum) {
  using T = typename TestFixture::T;
  std::mt19937 generator(7);
  for (const std::int64_t b : {2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 100, 130}) {
    for (const double decay : {1.0, 0.99, 0.5}) {
      std::vector<double> thetas;
      double squares = 0;
      for (std::int64_t k = 0; k < b / 2; ++k) {
        thetas.push_back(0.3 * std::pow(decay, static_cast<double>(k)));
        squares += 2 * thetas.back() * thetas.back();
      }
      const double tolerance = 1e-11 * 0.3 + unit_roundoff<T>() * std::sqrt(squares);
      EXPECT_NEAR(this->norm(with_spectrum(thetas, b), b), 0.3, tolerance)
          << "b " << b << ", decay " << decay;
    }
  }
}

TYPED_TEST(SkewNormTest, OfSeveralBlocks) {
  using T = typename TestFixture::T;
  const std::vector<T> q{T(0.25), T(-4), T(0)};
  std::vector<double> norms(3);
  skew_norms(q.data(), norms.data(), 3, 2, TypeParam::kSet);
  EXPECT_NEAR(norms[0], 0.25, 1e-14);
  EXPECT_NEAR(norms[1], 4, 1e-13);
  EXPECT_EQ(norms[2], 0);
}

TYPED_TEST(SkewNormTest, WhatIsNotFiniteHasNone) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {2, 16, 33}) {
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const auto parameters = static_cast<std::size_t>(b * (b - 1) / 2);
      std::vector<T> q(3 * parameters, T(0.01));
      q[2 * parameters - 1] = static_cast<T>(bad);
      std::vector<double> norms(3);
      skew_norms(q.data(), norms.data(), 3, b, TypeParam::kSet);
      EXPECT_TRUE(std::isfinite(norms[0])) << "b " << b;
      EXPECT_TRUE(std::isnan(norms[1])) << "b " << b;
      EXPECT_EQ(norms[0], norms[2]) << "b " << b;
    }
  }
}

TYPED_TEST(SkewNormTest, ZeroAndOneByOneHaveNorm0) {
  EXPECT_EQ(this->norm(std::vector<double>(496), 32), 0);
  EXPECT_EQ(this->norm({}, 1), 0);
}

}  // namespace
}  // namespace oft::kernels
