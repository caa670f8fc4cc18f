#include "cayley.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "cases.h"
#include "guarded_buffer.h"
#include "matrix.h"
#include "number_format.h"

namespace oft::kernels {
namespace {

/// (I + Q)^-1 (I - Q), which equals (I - Q)(I + Q)^-1.
Matrix exact_cayley(const Matrix& q) {
  Matrix left = Matrix::diagonal(q.size(), 1);
  Matrix right = left;
  left.add(1, q);
  right.add(-1, q);
  return solve(left, right);
}

/// The series as the header writes it, power by power.
Matrix exact_neumann(const Matrix& q, std::int64_t terms, bool legacy) {
  Matrix sum = Matrix::diagonal(q.size(), 1);
  if (terms == 3 && !legacy) terms = 4;
  Matrix power = sum;
  for (std::int64_t exponent = 1; exponent < terms; ++exponent) {
    power = power * q;
    const bool single = exponent == terms - 1 && exponent > 1 && !legacy;
    sum.add(single ? 1 : 2, power);
  }
  return sum;
}

/// max |RᵀR - I|
template <typename T>
double orthogonality_error(const std::vector<T>& r, std::int64_t b) {
  double worst = 0;
  for (std::int64_t i = 0; i < b; ++i) {
    std::vector<double> row(static_cast<std::size_t>(b));
    for (std::int64_t t = 0; t < b; ++t) {
      const double factor = r[static_cast<std::size_t>(t * b + i)];
      for (std::size_t j = 0; j < row.size(); ++j) {
        row[j] += factor * r[static_cast<std::size_t>(t * b) + j];
      }
    }
    row[static_cast<std::size_t>(i)] -= 1;
    for (const double value : row) worst = std::max(worst, std::fabs(value));
  }
  return worst;
}

std::size_t parameters(std::int64_t b) { return static_cast<std::size_t>(b * (b - 1) / 2); }

std::vector<std::int64_t> block_sizes() {
  std::vector<std::int64_t> sizes;
  for (std::int64_t b = 1; b <= 40; ++b) sizes.push_back(b);
  for (std::int64_t b : {47, 48, 49, 63, 64, 65, 77, 96, 128, 130}) sizes.push_back(b);
  return sizes;
}

template <typename C>
class CayleyTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;

  static std::vector<T> random_q(std::int64_t b, double deviation) {
    std::mt19937 generator(static_cast<std::uint32_t>(b));
    std::normal_distribution<double> normal(0, deviation);
    std::vector<T> q(parameters(b));
    for (T& value : q) value = static_cast<T>(normal(generator));
    return q;
  }

  static std::vector<T> rotation(const std::vector<T>& q, std::int64_t b) {
    std::vector<T> r(static_cast<std::size_t>(b * b));
    cayley(q.data(), r.data(), 1, b, C::kSet);
    return r;
  }

  static std::vector<T> series(const std::vector<T>& q, std::int64_t b, std::int64_t terms,
                               bool legacy) {
    std::vector<T> r(static_cast<std::size_t>(b * b));
    cayley_neumann(q.data(), r.data(), 1, b, terms, legacy, C::kSet);
    return r;
  }
};

using Cases = ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>,
                               Case<float, Isa::kAvx512>, Case<double, Isa::kScalar>,
                               Case<double, Isa::kAvx2>, Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(CayleyTest, Cases, CaseName);

// Each of the b steps errs by about u κ(I+Q) in the inverse, R by twice that; as the roundings are
// independent, √b of them count (Higham, Accuracy and Stability, 2.8). The symmetric part of I+Q is
// I, so |(I+Q)^-1| <= 1 and κ <= 1 + |Q|, where |Q|² is at most the row norm of Q².
TYPED_TEST(CayleyTest, EqualsASolveInHigherPrecision) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : block_sizes()) {
    for (const double deviation : {1e-3, 0.1, 1.0}) {
      const auto q = this->random_q(b, deviation);
      const auto r = this->rotation(q, b);
      const Matrix exact_q = skew(q.data(), b);
      const Matrix expected = exact_cayley(exact_q);
      const double condition = 1 + std::sqrt((exact_q * exact_q).row_norm());
      const double tolerance =
          2 * std::sqrt(static_cast<double>(b)) * unit_roundoff<T>() * condition;
      for (std::int64_t i = 0; i < b; ++i) {
        for (std::int64_t j = 0; j < b; ++j) {
          ASSERT_LE(std::fabs(r[static_cast<std::size_t>(i * b + j)] - expected(i, j)), tolerance)
              << "b " << b << ", deviation " << deviation << ", element " << i << " " << j;
        }
      }
    }
  }
}

TYPED_TEST(CayleyTest, IsOrthogonalToRounding) {
  using T = typename TestFixture::T;
  const double tolerance = sizeof(T) == sizeof(float) ? 5e-6 : 1e-12;
  std::vector<std::int64_t> sizes = block_sizes();
  sizes.push_back(512);
  for (const std::int64_t b : sizes) {
    for (const double deviation : {1e-3, 0.1, 1.0}) {
      ASSERT_LT(orthogonality_error(this->rotation(this->random_q(b, deviation), b), b), tolerance)
          << "b " << b << ", deviation " << deviation;
    }
  }
}

TYPED_TEST(CayleyTest, ZeroIsTheIdentityToTheBit) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {1, 2, 15, 32, 33, 77}) {
    const std::vector<T> q(parameters(b));
    for (const auto& r : {this->rotation(q, b), this->series(q, b, 5, false)}) {
      for (std::int64_t i = 0; i < b; ++i) {
        for (std::int64_t j = 0; j < b; ++j) {
          ASSERT_EQ(r[static_cast<std::size_t>(i * b + j)], T(i == j)) << "b " << b;
        }
      }
    }
  }
}

TYPED_TEST(CayleyTest, TurnsAPlaneByTwiceTheArcTangent) {
  using T = typename TestFixture::T;
  for (const double angle : {0.0, 0.1, 1.0, 3.0, -2.5}) {
    const T q = static_cast<T>(std::tan(angle / 2));
    const double norm = 1 + static_cast<double>(q) * q;
    const double cosine = (1 - static_cast<double>(q) * q) / norm;
    const double sine = 2 * static_cast<double>(q) / norm;
    const auto r = this->rotation({q}, 2);
    const double tolerance = 8 * unit_roundoff<T>();  // as many operations
    EXPECT_NEAR(r[0], cosine, tolerance);
    EXPECT_NEAR(r[1], -sine, tolerance);
    EXPECT_NEAR(r[2], sine, tolerance);
    EXPECT_NEAR(r[3], cosine, tolerance);
  }
}

// Each element is a sum of products of at most n - 1 elements of Q, taken through at most n sums of
// b + 2 terms: its error is at most that share of the same series in the magnitudes.
TYPED_TEST(CayleyTest, SeriesEqualsItsDefinition) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {1, 2, 3, 8, 9, 16, 17, 31, 32, 33, 40, 65}) {
    const auto q = this->random_q(b, 0.3);
    const Matrix exact_q = skew(q.data(), b);
    for (const bool legacy : {false, true}) {
      for (std::int64_t terms = -1; terms <= 9; ++terms) {
        const auto r = this->series(q, b, terms, legacy);
        const Matrix expected = exact_neumann(exact_q, terms, legacy);
        const Matrix magnitude = exact_neumann(exact_q.magnitudes(), terms, legacy);
        const double operations = static_cast<double>(std::max<std::int64_t>(4, terms) * (b + 2));
        for (std::int64_t i = 0; i < b; ++i) {
          for (std::int64_t j = 0; j < b; ++j) {
            ASSERT_LE(std::fabs(r[static_cast<std::size_t>(i * b + j)] - expected(i, j)),
                      operations * unit_roundoff<T>() * magnitude(i, j))
                << "b " << b << ", terms " << terms << ", legacy " << legacy;
          }
        }
      }
    }
  }
}

// Nothing is lost to the 1 on the diagonal: all errors left are those of the last rounding.
TYPED_TEST(CayleyTest, SmallParametersAreExactToTheLastDigit) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : block_sizes()) {
    const auto q = this->random_q(b, 1e-3);
    const auto r = this->rotation(q, b);
    const Matrix expected = exact_cayley(skew(q.data(), b));
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) {
        // Off the diagonal b steps on numbers of some 2e-3 are less than half a digit of 1.
        ASSERT_LE(std::fabs(r[static_cast<std::size_t>(i * b + j)] - expected(i, j)),
                  unit_roundoff<T>())
            << "b " << b << ", element " << i << " " << j;
      }
    }
  }
}

// In a plane Q² = -q² I, so the series are polynomials in q.
TYPED_TEST(CayleyTest, SeriesInAPlane) {
  using T = typename TestFixture::T;
  const T q = 0.5;  // every term is exact
  const auto is = [&](std::int64_t terms, bool legacy, double even, double odd) {
    const auto r = this->series({q}, 2, terms, legacy);
    EXPECT_EQ(r, (std::vector<T>{T(even), T(odd), T(-odd), T(even)}))
        << "terms " << terms << ", legacy " << legacy;
  };
  for (const bool legacy : {false, true}) {
    is(0, legacy, 1, 0);
    is(1, legacy, 1, 0);
    is(2, legacy, 1, 1);
  }
  is(3, false, 0.5, 0.875);
  is(4, false, 0.5, 0.875);
  is(5, false, 0.5625, 0.75);
  is(3, true, 0.5, 1);
  is(4, true, 0.5, 0.75);
  is(5, true, 0.625, 0.75);
}

TYPED_TEST(CayleyTest, FiveTermsCanBeSingular) {
  EXPECT_EQ(this->series({1}, 2, 5, false), std::vector<typename TestFixture::T>(4));
}

TYPED_TEST(CayleyTest, TouchesItsElementsOnly) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : block_sizes()) {
    for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
      std::vector<T> all_q;
      std::vector<T> all_r;
      std::vector<T> all_series;
      const auto append = [](std::vector<T>& to, const std::vector<T>& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      for (const double deviation : {0.1, 1.0, 0.01}) {
        const auto q = this->random_q(b, deviation);
        append(all_q, q);
        append(all_r, this->rotation(q, b));
        append(all_series, this->series(q, b, 5, false));
      }
      const GuardedBuffer<T> q(all_q, flush);
      GuardedBuffer<T> r(all_r.size(), flush);
      cayley(q.data(), r.data(), 3, b, TypeParam::kSet);
      ASSERT_EQ(r.values(), all_r) << "b " << b;
      cayley_neumann(q.data(), r.data(), 3, b, 5, false, TypeParam::kSet);
      ASSERT_EQ(r.values(), all_series) << "b " << b;
    }
  }
}

TYPED_TEST(CayleyTest, NanStaysInItsBlock) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {2, 16, 33, 77}) {
    const auto clean = this->random_q(b, 0.1);
    std::vector<T> q;
    for (int block = 0; block < 3; ++block) q.insert(q.end(), clean.begin(), clean.end());
    q[clean.size()] = std::numeric_limits<T>::quiet_NaN();
    const auto size = static_cast<std::size_t>(b * b);
    const auto check = [&](const std::vector<T>& r, const std::vector<T>& expected) {
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), r.begin())) << "b " << b;
      EXPECT_TRUE(std::isnan(r[size])) << "b " << b;
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), r.end() - b * b)) << "b " << b;
    };
    std::vector<T> r(3 * size);
    cayley(q.data(), r.data(), 3, b, TypeParam::kSet);
    check(r, this->rotation(clean, b));
    cayley_neumann(q.data(), r.data(), 3, b, 5, false, TypeParam::kSet);
    check(r, this->series(clean, b, 5, false));
  }
}

TYPED_TEST(CayleyTest, NoBlocksAreNoWork) {
  typename TestFixture::T r = 7;
  cayley<typename TestFixture::T>(nullptr, &r, 0, 32, TypeParam::kSet);
  cayley_neumann<typename TestFixture::T>(nullptr, &r, 0, 32, 5, false, TypeParam::kSet);
  EXPECT_EQ(r, 7);
}

}  // namespace
}  // namespace oft::kernels
