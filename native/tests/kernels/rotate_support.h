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

/// `values` in the rows, and what `gaps` has between them.
template <typename T>
std::vector<T> with_gaps(const std::vector<T>& values, const std::vector<T>& gaps,
                         const Rows& rows) {
  std::vector<T> result = gaps;
  for (std::size_t t = 0, next = 0; t < result.size(); ++t) {
    if (!rows.is_gap(t)) result[t] = values[next++];
  }
  return result;
}

template <typename T>
std::vector<T> random_values(std::size_t size, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(size);
  for (T& value : values) value = from_double<T>(normal(generator));
  return values;
}

/// The smallest numbers there are, and their multiples.
template <typename T>
void fill_with_denormals(std::vector<T>& values) {
  for (std::size_t t = 0; t < values.size(); ++t) {
    values[t] = from_double<T>(smallest<T>() * static_cast<double>(1 + t % 100));
  }
}

template <typename M>
void fill_with_identity(std::vector<M>& m, std::int64_t b) {
  std::fill(m.begin(), m.end(), M{0});
  for (std::int64_t t = 0; t < b; ++t) m[static_cast<std::size_t>(t * b + t)] = 1;
}

/// x and the factors of a rotation of either side.
template <typename T>
struct RotationInput {
  using M = typename Accumulate<T>::type;

  std::vector<T> x;
  std::vector<M> m;
  Rows rows;
  std::int64_t b;
  std::int64_t blocks;
  bool shared;

  RotationInput(const Rows& at, std::int64_t size, std::int64_t count, bool share)
      : x(random_values<T>(at.size(), 1)),
        m(random_values<M>(static_cast<std::size_t>((share ? 1 : count) * size * size), 2)),
        rows(at),
        b(size),
        blocks(count),
        shared(share) {}
};

/// Elements one byte beyond where they would be aligned.
template <typename T>
class Unaligned {
 public:
  explicit Unaligned(std::size_t size) : bytes_(size * sizeof(T) + 1) {}
  explicit Unaligned(const std::vector<T>& values) : Unaligned(values.size()) {
    std::memcpy(bytes_.data() + 1, values.data(), bytes_.size() - 1);
  }

  T* data() { return reinterpret_cast<T*>(bytes_.data() + 1); }
  bool equals(const std::vector<T>& values) const {
    return values.size() * sizeof(T) + 1 == bytes_.size() &&
           std::memcmp(bytes_.data() + 1, values.data(), bytes_.size() - 1) == 0;
  }

 private:
  std::vector<std::byte> bytes_;
};

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

/// A sum of products beyond the precision of the kernels.
class ExactSum {
 public:
  template <typename A, typename B>
  void add_product(A a, B b) {
    const long double term = static_cast<long double>(to_double(a)) * to_double(b);
    sum_ += term;
    magnitude_ += std::fabs(term);
    ++terms_;
  }

  /// Whether `got` is the sum to rounding.
  template <typename T>
  ::testing::AssertionResult is_near(T got) const {
    const double sum = static_cast<double>(sum_);
    const double tolerance = sum_tolerance<T>(terms_, sum, static_cast<double>(magnitude_));
    if (std::fabs(static_cast<long double>(to_double(got)) - sum_) <= tolerance)
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << to_double(got) << " is more than " << tolerance << " from " << sum;
  }

 private:
  long double sum_ = 0;
  long double magnitude_ = 0;
  std::int64_t terms_ = 0;
};

}  // namespace oft::kernels

#endif
