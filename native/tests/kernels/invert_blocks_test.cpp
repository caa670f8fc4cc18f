#include "invert_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "cases.h"
#include "guarded_buffer.h"
#include "matrix.h"

namespace oft::kernels {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon() / 2;

std::vector<std::int64_t> block_sizes() {
  std::vector<std::int64_t> sizes;
  for (std::int64_t b = 1; b <= 40; ++b) sizes.push_back(b);
  for (std::int64_t b : {63, 64, 65, 96, 127, 128, 129, 200}) sizes.push_back(b);
  return sizes;
}

/// I and elements that keep the symmetric part positive definite.
std::vector<double> near_identity(std::int64_t b, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, 0.2 / std::sqrt(static_cast<double>(b)));
  std::vector<double> r(static_cast<std::size_t>(b * b));
  for (double& value : r) value = normal(generator);
  for (std::int64_t i = 0; i < b; ++i) r[static_cast<std::size_t>(i * b + i)] += 1;
  return r;
}

Matrix exact_inverse(const std::vector<double>& r, std::int64_t b) {
  Matrix a(b);
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = 0; j < b; ++j) a(i, j) = r[static_cast<std::size_t>(i * b + j)];
  }
  return solve(a, Matrix::diagonal(b, 1));
}

struct Result {
  std::vector<double> inverse;
  std::vector<double> residuals;
};

template <typename C>
class InvertBlocksTest : public KernelTest<C> {
 protected:
  static Result inverted(const std::vector<double>& r, std::int64_t blocks, std::int64_t b) {
    Result result{std::vector<double>(r.size()),
                  std::vector<double>(static_cast<std::size_t>(blocks))};
    invert_blocks(r.data(), result.inverse.data(), result.residuals.data(), blocks, b, C::kSet);
    return result;
  }
};

using Cases = ::testing::Types<Case<double, Isa::kScalar>, Case<double, Isa::kAvx2>,
                               Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(InvertBlocksTest, Cases, CaseName);

// |R^-1| and |R| are at most some 2 here, so each of the b steps errs by a few roundings.
TYPED_TEST(InvertBlocksTest, EqualsASolveInHigherPrecision) {
  for (const std::int64_t b : block_sizes()) {
    const auto r = near_identity(b, 1);
    const auto result = this->inverted(r, 1, b);
    const Matrix expected = exact_inverse(r, b);
    const double tolerance = 8 * std::sqrt(static_cast<double>(b)) * kUnit;
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) {
        ASSERT_LE(std::fabs(result.inverse[static_cast<std::size_t>(i * b + j)] - expected(i, j)),
                  tolerance)
            << "b " << b << ", element " << i << " " << j;
      }
    }
    EXPECT_LE(result.residuals[0], static_cast<double>(b) * tolerance) << "b " << b;
  }
}

TYPED_TEST(InvertBlocksTest, TouchesItsElementsOnly) {
  for (const std::int64_t b : block_sizes()) {
    for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
      std::vector<double> all;
      std::vector<double> expected;
      for (const std::uint32_t seed : {1, 2, 3}) {
        const auto r = near_identity(b, seed);
        all.insert(all.end(), r.begin(), r.end());
        const auto one = this->inverted(r, 1, b).inverse;
        expected.insert(expected.end(), one.begin(), one.end());
      }
      const GuardedBuffer<double> r(all, flush);
      GuardedBuffer<double> inverse(all.size(), flush);
      GuardedBuffer<double> residuals(3, flush);
      invert_blocks(r.data(), inverse.data(), residuals.data(), 3, b, TypeParam::kSet);
      ASSERT_EQ(inverse.values(), expected) << "b " << b;
    }
  }
}

TYPED_TEST(InvertBlocksTest, TheResidualTellsAWrongInverse) {
  for (const std::int64_t b : {2, 8, 17, 40, 130}) {
    auto singular = near_identity(b, 1);
    for (std::int64_t j = 0; j < b; ++j) singular[static_cast<std::size_t>(b + j)] = 0;
    EXPECT_FALSE(this->inverted(singular, 1, b).residuals[0] < 1e-3) << "b " << b;

    // Well conditioned, but with a first pivot that is 0 or loses all digits.
    for (const double pivot : {0.0, 1e-17}) {
      std::vector<double> turned(static_cast<std::size_t>(b * b));
      for (std::int64_t i = 0; i < b; ++i) turned[static_cast<std::size_t>(i * b + i)] = 1;
      turned[0] = pivot;
      turned[1] = -1;
      turned[static_cast<std::size_t>(b)] = 1;
      EXPECT_FALSE(this->inverted(turned, 1, b).residuals[0] < 1e-3) << "b " << b;
    }
  }
}

TYPED_TEST(InvertBlocksTest, NanAndInfinityStayInTheirBlock) {
  for (const std::int64_t b : {1, 2, 8, 17, 33, 77}) {
    for (const double value :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const auto clean = near_identity(b, 1);
      const auto expected = this->inverted(clean, 1, b);
      std::vector<double> r;
      for (int block = 0; block < 3; ++block) r.insert(r.end(), clean.begin(), clean.end());
      r[clean.size()] = value;
      const auto result = this->inverted(r, 3, b);
      EXPECT_TRUE(
          std::equal(expected.inverse.begin(), expected.inverse.end(), result.inverse.begin()));
      EXPECT_TRUE(std::equal(expected.inverse.begin(), expected.inverse.end(),
                             result.inverse.end() - b * b));
      EXPECT_EQ(result.residuals[0], expected.residuals[0]);
      EXPECT_TRUE(std::isnan(result.residuals[1])) << "b " << b << ", " << value;
      EXPECT_EQ(result.residuals[2], expected.residuals[0]);
    }
  }
}

TYPED_TEST(InvertBlocksTest, NoBlocksAreNoWork) {
  double inverse = 7;
  double residual = 7;
  invert_blocks(nullptr, &inverse, &residual, 0, 32, TypeParam::kSet);
  EXPECT_EQ(inverse, 7);
  EXPECT_EQ(residual, 7);
}

}  // namespace
}  // namespace oft::kernels
