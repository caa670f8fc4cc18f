#include "orthogonality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "cases.h"
#include "guarded_buffer.h"

namespace oft::kernels {
namespace {

double expected_error(const double* r, std::int64_t b) {
  long double sum = 0;
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = 0; j < b; ++j) {
      long double product = i == j ? -1 : 0;
      for (std::int64_t t = 0; t < b; ++t) {
        product += static_cast<long double>(r[t * b + i]) * r[t * b + j];
      }
      sum += product * product;
    }
  }
  return static_cast<double>(std::sqrt(sum));
}

template <typename C>
class OrthogonalityTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;
};

using Cases = ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>,
                               Case<float, Isa::kAvx512>, Case<double, Isa::kScalar>,
                               Case<double, Isa::kAvx2>, Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(OrthogonalityTest, Cases, CaseName);

TYPED_TEST(OrthogonalityTest, EqualsItsDefinition) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 65, 100}) {
    for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
      std::mt19937 generator(static_cast<std::uint32_t>(b));
      std::normal_distribution<double> normal;
      std::vector<T> values(static_cast<std::size_t>(3 * b * b));
      for (T& value : values) value = static_cast<T>(normal(generator));
      const std::vector<double> wide(values.begin(), values.end());
      const GuardedBuffer<T> r(values, flush);
      const GuardedBuffer<double> errors(3, flush);
      orthogonality_errors(r.data(), errors.data(), 3, b, TypeParam::kSet);
      for (std::int64_t block = 0; block < 3; ++block) {
        const double expected = expected_error(wide.data() + block * b * b, b);
        ASSERT_NEAR(errors.data()[block], expected, 1e-14 * static_cast<double>(b) * expected)
            << "b " << b;
      }
    }
  }
}

TYPED_TEST(OrthogonalityTest, RotationsHaveNone) {
  using T = typename TestFixture::T;
  const std::vector<T> r{0, 1, -1, 0};
  double error = -1;
  orthogonality_errors(r.data(), &error, 1, 2, TypeParam::kSet);
  EXPECT_EQ(error, 0);
}

TYPED_TEST(OrthogonalityTest, NanStaysInItsBlock) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {2, 16, 33}) {
    const auto size = static_cast<std::size_t>(b * b);
    std::vector<T> r(3 * size);
    r[size] = std::numeric_limits<T>::quiet_NaN();
    std::vector<double> errors(3);
    orthogonality_errors(r.data(), errors.data(), 3, b, TypeParam::kSet);
    EXPECT_NEAR(errors[0], std::sqrt(static_cast<double>(b)), 1e-14 * static_cast<double>(b));
    EXPECT_TRUE(std::isnan(errors[1])) << "b " << b;
    EXPECT_EQ(errors[2], errors[0]) << "b " << b;
  }
}

}  // namespace
}  // namespace oft::kernels
