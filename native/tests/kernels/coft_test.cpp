#include "coft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "guarded_buffer.h"
#include "number_format.h"

namespace oft::kernels {
namespace {

template <typename T>
class CoftTest : public ::testing::Test {};

using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(CoftTest, Types);

TYPED_TEST(CoftTest, HoldsLongRowsAtTheLimitAndLeavesOthers) {
  using T = TypeParam;
  for (const std::size_t parameters : {1, 3, 15, 16, 17, 31, 496, 2016}) {
    for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
      std::mt19937 generator(static_cast<std::uint32_t>(parameters));
      std::normal_distribution<double> normal;
      std::vector<T> values(2 * parameters);
      for (std::size_t t = 0; t < values.size(); ++t) {
        values[t] = static_cast<T>(normal(generator) * (t < parameters ? 1 : 1e-4));
      }
      const auto count = static_cast<std::int64_t>(parameters);
      const GuardedBuffer<T> q(values, flush);
      const GuardedBuffer<T> projected(values.size(), flush);
      const T limit = T(0.2);
      project_coft(q.data(), projected.data(), 2, count, limit);
      long double squares = 0;
      for (std::size_t t = 0; t < parameters; ++t) squares += 2.0L * values[t] * values[t];
      const long double factor = std::min(1.0L, limit / std::sqrt(squares));
      for (std::size_t t = 0; t < values.size(); ++t) {
        const long double expected = values[t] * (t < parameters ? factor : 1);
        const double tolerance = 40 * unit_roundoff<T>() * std::fabs(static_cast<double>(expected));
        ASSERT_NEAR(projected.data()[t], static_cast<double>(expected),
                    t < parameters ? tolerance : 0);
      }
      project_coft(q.data(), q.data(), 2, count, limit);
      EXPECT_EQ(q.values(), projected.values());
    }
  }
}

TYPED_TEST(CoftTest, NanSpoilsItsRowOnly) {
  using T = TypeParam;
  std::vector<T> q{1, 1, std::numeric_limits<T>::quiet_NaN(), 1, 0, 0};
  project_coft(q.data(), q.data(), 3, 2, T(2));
  EXPECT_EQ(q[0], 1);
  EXPECT_TRUE(std::isnan(q[2]) && std::isnan(q[3]));
  EXPECT_EQ(q[4], 0);
}

}  // namespace
}  // namespace oft::kernels
