#include "cayley_backward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "cases.h"
#include "cayley.h"
#include "guarded_buffer.h"
#include "matrix.h"
#include "number_format.h"

namespace oft::kernels {
namespace {

std::size_t parameters(std::int64_t b) { return static_cast<std::size_t>(b * (b - 1) / 2); }

template <typename T>
Matrix square(const T* values, std::int64_t b) {
  Matrix result(b);
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = 0; j < b; ++j) result(i, j) = *values++;
  }
  return result;
}

Matrix transposed(const Matrix& m) {
  Matrix result(m.size());
  for (std::int64_t i = 0; i < m.size(); ++i) {
    for (std::int64_t j = 0; j < m.size(); ++j) result(j, i) = m(i, j);
  }
  return result;
}

/// -2 A^T G A^T with A = (R + I) / 2.
Matrix exact_gradient(Matrix r, const Matrix& grad) {
  r.add(1, Matrix::diagonal(r.size(), 1));
  const Matrix a = transposed(r);
  Matrix result(r.size());
  result.add(-0.5L, a * grad * a);
  return result;
}

/// The series' gradient as the header writes it, power by power.
Matrix series_gradient(const Matrix& q, const Matrix& grad, std::int64_t terms, bool legacy) {
  if (terms == 3 && !legacy) terms = 4;
  const Matrix n = transposed(q);
  Matrix of_power = grad;  // the sum over k + l + 1 = m
  Matrix last = grad;      // G N^(m - 1)
  Matrix sum(q.size());
  for (std::int64_t m = 1; m < terms; ++m) {
    if (m > 1) {
      last = last * n;
      of_power = n * of_power;
      of_power.add(1, last);
    }
    sum.add(m == terms - 1 && m > 1 && !legacy ? 1 : 2, of_power);
  }
  return sum;
}

template <typename C>
class CayleyBackwardTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;

  static std::vector<T> normal(std::size_t count, double deviation, std::uint32_t seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> distribution(0, deviation);
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(distribution(generator));
    return values;
  }

  static std::vector<T> gradient_of_matrix(std::int64_t b) {
    return normal(static_cast<std::size_t>(b * b), 1, static_cast<std::uint32_t>(b) + 1);
  }

  static std::vector<T> small_q(std::int64_t b) {
    return normal(parameters(b), 0.5 / std::sqrt(static_cast<double>(b)),
                  static_cast<std::uint32_t>(b));
  }

  static void expect_near(const std::vector<T>& actual, const Matrix& x, double tolerance) {
    std::size_t t = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      for (std::int64_t j = i + 1; j < x.size(); ++j, ++t) {
        ASSERT_LE(std::fabs(actual[t] - (x(i, j) - x(j, i))), tolerance)
            << "b " << x.size() << ", element " << i << " " << j;
      }
    }
  }
};

using Cases = ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>,
                               Case<float, Isa::kAvx512>, Case<double, Isa::kScalar>,
                               Case<double, Isa::kAvx2>, Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(CayleyBackwardTest, Cases, CaseName);

std::vector<std::int64_t> block_sizes() {
  std::vector<std::int64_t> sizes;
  for (std::int64_t b = 1; b <= 36; ++b) sizes.push_back(b);
  for (std::int64_t b : {48, 49, 64, 65, 97}) sizes.push_back(b);
  return sizes;
}

// Two products of depth b each err by some sqrt(b) u of |A|^2 |G|, where |A| <= 1 and |G| is about
// 2 sqrt(b).
TYPED_TEST(CayleyBackwardTest, ExactEqualsItsFormula) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : block_sizes()) {
    const auto q = this->small_q(b);
    const auto grad = this->gradient_of_matrix(b);
    std::vector<T> r(grad.size());
    cayley(q.data(), r.data(), 1, b, Isa::kScalar);
    std::vector<T> q_grad(q.size());
    cayley_backward(r.data(), grad.data(), q_grad.data(), 1, b, TypeParam::kSet);
    const Matrix expected = exact_gradient(square(r.data(), b), square(grad.data(), b));
    this->expect_near(q_grad, expected, 8 * static_cast<double>(b) * unit_roundoff<T>());
  }
}

// As above, for at most n sums of n products of matrices whose norm is below 1.1.
TYPED_TEST(CayleyBackwardTest, SeriesEqualsItsFormula) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40}) {
    const auto q = this->small_q(b);
    const auto grad = this->gradient_of_matrix(b);
    for (const bool legacy : {false, true}) {
      for (std::int64_t terms = -1; terms <= 9; ++terms) {
        std::vector<T> q_grad(q.size(), T(7));
        cayley_neumann_backward(q.data(), grad.data(), q_grad.data(), 1, b, terms, legacy,
                                TypeParam::kSet);
        const Matrix expected =
            series_gradient(skew(q.data(), b), square(grad.data(), b), terms, legacy);
        const double products = static_cast<double>(std::max<std::int64_t>(terms * terms, 1));
        this->expect_near(q_grad, expected,
                          4 * products * static_cast<double>(b) * unit_roundoff<T>());
      }
    }
  }
}

TYPED_TEST(CayleyBackwardTest, TouchesItsElementsOnly) {
  using T = typename TestFixture::T;
  constexpr std::int64_t kBlocks = 3;
  for (const std::int64_t b : block_sizes()) {
    for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
      const auto seed = static_cast<std::uint32_t>(b);
      const auto size = static_cast<std::size_t>(b * b);
      const GuardedBuffer<T> q(this->normal(kBlocks * parameters(b), 0.05, seed), flush);
      const GuardedBuffer<T> r(this->normal(kBlocks * size, 0.1, seed), flush);
      const GuardedBuffer<T> grad(this->normal(kBlocks * size, 1, seed + 1), flush);
      const GuardedBuffer<T> q_grad(kBlocks * parameters(b), flush);
      std::vector<T> alone(parameters(b));
      const auto expect_block = [&](std::int64_t block) {
        const auto first = static_cast<std::size_t>(block) * alone.size();
        ASSERT_TRUE(std::equal(alone.begin(), alone.end(), q_grad.data() + first)) << "b " << b;
      };
      cayley_backward(r.data(), grad.data(), q_grad.data(), kBlocks, b, TypeParam::kSet);
      for (std::int64_t block = 0; block < kBlocks; ++block) {
        cayley_backward(r.data() + block * b * b, grad.data() + block * b * b, alone.data(), 1, b,
                        TypeParam::kSet);
        expect_block(block);
      }
      cayley_neumann_backward(q.data(), grad.data(), q_grad.data(), kBlocks, b, 7, false,
                              TypeParam::kSet);
      for (std::int64_t block = 0; block < kBlocks; ++block) {
        cayley_neumann_backward(q.data() + block * b * (b - 1) / 2, grad.data() + block * b * b,
                                alone.data(), 1, b, 7, false, TypeParam::kSet);
        expect_block(block);
      }
    }
  }
}

TYPED_TEST(CayleyBackwardTest, NanStaysInItsBlock) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {2, 16, 33, 77}) {
    const auto size = static_cast<std::size_t>(b * b);
    const auto q = this->normal(3 * parameters(b), 0.05, 1);
    const auto r = this->normal(3 * size, 0.1, 2);
    auto grad = this->normal(3 * size, 1, 3);
    grad[size + 1] = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> q_grad(q.size());
    const auto check = [&] {
      const auto is_nan = [](T value) { return std::isnan(value); };
      const auto first = q_grad.begin() + static_cast<std::ptrdiff_t>(parameters(b));
      const auto end = first + static_cast<std::ptrdiff_t>(parameters(b));
      EXPECT_TRUE(std::none_of(q_grad.begin(), first, is_nan)) << "b " << b;
      EXPECT_TRUE(std::any_of(first, end, is_nan)) << "b " << b;
      EXPECT_TRUE(std::none_of(end, q_grad.end(), is_nan)) << "b " << b;
    };
    cayley_backward(r.data(), grad.data(), q_grad.data(), 3, b, TypeParam::kSet);
    check();
    cayley_neumann_backward(q.data(), grad.data(), q_grad.data(), 3, b, 5, false, TypeParam::kSet);
    check();
  }
}

}  // namespace
}  // namespace oft::kernels
