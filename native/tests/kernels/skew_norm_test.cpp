#include "skew_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
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

  /// Of blocks one after another between forbidden pages.
  static std::vector<double> norms(const std::vector<double>& q, std::int64_t blocks,
                                   std::int64_t b, Flush flush = Flush::kEnd) {
    const std::vector<T> values(q.begin(), q.end());
    const GuardedBuffer<T> guarded(values, flush);
    const GuardedBuffer<double> results(static_cast<std::size_t>(blocks), flush);
    skew_norms(guarded.data(), results.data(), blocks, b, C::kSet);
    return results.values();
  }
};

using Cases = ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>,
                               Case<float, Isa::kAvx512>, Case<double, Isa::kScalar>,
                               Case<double, Isa::kAvx2>, Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(SkewNormTest, Cases, CaseName);

// Rounding of q to its type moves an eigenvalue by at most |error|_F <= u |Q|_F.
TYPED_TEST(SkewNormTest, IsTheLargestOfTheSpectrum) {
  using T = typename TestFixture::T;
  for (const std::int64_t b :
       {2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 100, 127, 128, 129}) {
    for (const std::int64_t blocks : {1, 2, 3, 5, 9, 13}) {
      std::vector<double> q;
      std::vector<double> tolerances;
      for (std::int64_t k = 0; k < blocks; ++k) {
        const double norm = 0.3 * static_cast<double>(k + 1);
        const double decay = std::vector{1.0, 0.99, 0.5}[static_cast<std::size_t>(k % 3)];
        std::vector<double> thetas;
        double squares = 0;
        for (std::int64_t t = 0; t < b / 2; ++t) {
          thetas.push_back(norm * std::pow(decay, static_cast<double>(t)));
          squares += 2 * thetas.back() * thetas.back();
        }
        const auto block = with_spectrum(thetas, b);
        q.insert(q.end(), block.begin(), block.end());
        tolerances.push_back(1e-11 * norm + unit_roundoff<T>() * std::sqrt(squares));
      }
      const auto norms = this->norms(q, blocks, b, b % 2 == 0 ? Flush::kStart : Flush::kEnd);
      for (std::size_t k = 0; k < norms.size(); ++k) {
        EXPECT_NEAR(norms[k], 0.3 * static_cast<double>(k + 1), tolerances[k])
            << "b " << b << ", block " << k << " of " << blocks;
      }
    }
  }
}

TYPED_TEST(SkewNormTest, BlocksDoNotMeddleWithEachOther) {
  for (const std::int64_t b : {2, 16, 33}) {
    const auto parameters = static_cast<std::size_t>(b * (b - 1) / 2);
    std::vector<double> q;
    const std::vector<double> scales = {1e-20, 0, 1, 0.25, std::nan(""), HUGE_VAL, 1e20, 0, 1};
    for (const double scale : scales) {
      for (std::size_t t = 0; t < parameters; ++t) {
        // One bad element is enough.
        const bool is_bad = !std::isfinite(scale) && t + 1 == parameters;
        const double value = std::sin(static_cast<double>(t + 1));
        q.push_back(is_bad ? scale : value * (std::isfinite(scale) ? scale : 1));
      }
    }
    const auto norms = this->norms(q, static_cast<std::int64_t>(scales.size()), b);
    const double norm = norms[2];
    EXPECT_GT(norm, 0.8) << "b " << b;
    for (std::size_t k = 0; k < norms.size(); ++k) {
      if (std::isfinite(scales[k])) {
        EXPECT_NEAR(norms[k], scales[k] * norm, 1e-6 * scales[k] * norm) << "b " << b << ", " << k;
      } else {
        EXPECT_TRUE(std::isnan(norms[k])) << "b " << b << ", " << k;
      }
    }
  }
}

TYPED_TEST(SkewNormTest, ZeroAndOneByOneHaveNorm0) {
  EXPECT_EQ(this->norms(std::vector<double>(496), 1, 32)[0], 0);
  EXPECT_EQ(this->norms({}, 1, 1)[0], 0);
  EXPECT_EQ(this->norms({}, 9, 1)[8], 0);
}

}  // namespace
}  // namespace oft::kernels
