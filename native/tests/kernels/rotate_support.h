#ifndef OFT_TESTS_KERNELS_ROTATE_SUPPORT_H
#define OFT_TESTS_KERNELS_ROTATE_SUPPORT_H

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "cases.h"
#include "number_format.h"

// What the tests of the kernels around rotate_blocks share.
namespace oft::kernels {

using ElementCases =
    ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>, Case<float, Isa::kAvx512>,
                     Case<double, Isa::kScalar>, Case<double, Isa::kAvx2>,
                     Case<double, Isa::kAvx512>, Case<BFloat16, Isa::kScalar>,
                     Case<BFloat16, Isa::kAvx2>, Case<BFloat16, Isa::kAvx512>,
                     Case<Half, Isa::kScalar>, Case<Half, Isa::kAvx2>, Case<Half, Isa::kAvx512>>;
template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Rows with a gap after each but the last.
struct Rows {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;

  std::size_t size() const {
    return rows == 0 ? 0 : static_cast<std::size_t>((rows - 1) * stride + columns);
  }
  std::size_t at(std::int64_t i, std::int64_t j) const {
    return static_cast<std::size_t>(i * stride + j);
  }
  bool is_gap(std::size_t t) const { return static_cast<std::int64_t>(t) % stride >= columns; }
};

template <typename T>
std::vector<T> random_values(std::size_t size, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(size);
  for (T& value : values) value = from_double<T>(normal(generator));
  return values;
}

/// Blocks enough for several vectors of small blocks and a part of one.
inline std::int64_t blocks_for(std::int64_t b) { return std::max<std::int64_t>(2, 35 / b + 1); }

/// Sizes on both sides of every vector, tile and strip.
inline std::vector<std::int64_t> block_sizes() {
  std::vector<std::int64_t> sizes;
  for (std::int64_t b = 1; b <= 40; ++b) sizes.push_back(b);
  for (std::int64_t b : {47, 48, 49, 63, 64, 65, 77, 96, 128, 130}) sizes.push_back(b);
  return sizes;
}

/// The sum of `terms` products in any order, with or without fused multiply-adds, is off by at most
/// n u / (1 - n u) of the sum of their magnitudes (Higham, Accuracy and Stability, 3.1), and by the
/// smallest number where a product underflows; one rounding to T follows.
template <typename T>
double sum_tolerance(std::int64_t terms, double sum, double magnitude) {
  using M = typename Accumulate<T>::type;
  const double n = static_cast<double>(terms);
  const double u = unit_roundoff<M>();
  const double sums = n * u / (1 - n * u) * magnitude + n * smallest<M>();
  if (sizeof(T) == sizeof(M)) return sums;
  return sums + unit_roundoff<T>() * (std::fabs(sum) + sums) + smallest<T>() / 2;
}

}  // namespace oft::kernels

#endif
