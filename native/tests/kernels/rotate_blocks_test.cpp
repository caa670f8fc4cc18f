#include "rotate_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "cases.h"
#include "guarded_buffer.h"
#include "number_format.h"
#include "rotate_support.h"

namespace oft::kernels {
namespace {

template <typename C>
class RotateBlocksTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;
  using M = typename Accumulate<T>::type;

  using Input = RotationInput<T>;

  static Input input(std::int64_t rows, std::int64_t b, bool shared, std::int64_t gap) {
    const std::int64_t columns = blocks_for(b) * b;
    return Input({rows, columns, columns + gap}, b, blocks_for(b), shared);
  }

  static void run(const T* x, std::int64_t x_stride, T* y, std::int64_t y_stride, const M* m,
                  std::int64_t rows, std::int64_t blocks, std::int64_t b, bool shared) {
    rotate_blocks(RotateBlocks<T>{x, x_stride, y, y_stride, m, rows, blocks, b, shared}, C::kSet);
  }

  /// y without gaps.
  static std::vector<T> rotated(const Input& in) {
    const Rows to{in.rows.rows, in.rows.columns, in.rows.columns};
    std::vector<T> y(to.size());
    run(in.x.data(), in.rows.stride, y.data(), to.stride, in.m.data(), to.rows, in.blocks, in.b,
        in.shared);
    return y;
  }

  static void expect_near(const std::vector<T>& y, const Input& in) {
    for (std::int64_t i = 0; i < in.rows.rows; ++i) {
      for (std::int64_t j = 0; j < in.rows.columns; ++j) {
        const std::int64_t k = j / in.b;
        const M* m = in.m.data() + (in.shared ? 0 : k * in.b * in.b) + j % in.b;
        ExactSum sum;
        for (std::int64_t t = 0; t < in.b; ++t) {
          sum.add_product(in.x[in.rows.at(i, k * in.b + t)], m[t * in.b]);
        }
        ASSERT_TRUE(sum.is_near(y[static_cast<std::size_t>(i * in.rows.columns + j)]))
            << "row " << i << ", column " << j << ", b " << in.b << ", rows " << in.rows.rows;
      }
    }
  }
};

TYPED_TEST_SUITE(RotateBlocksTest, ElementCases, CaseName);

TYPED_TEST(RotateBlocksTest, EqualsExactSumsToRounding) {
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t rows : {0, 1, 2, 11, 12, 13, 24, 25, 100}) {
      const bool shared = (b + rows) % 2 == 0;
      const auto in = this->input(rows, b, shared, 0);
      this->expect_near(this->rotated(in), in);
      if (this->HasFatalFailure()) return;
    }
  }
}

// An element before the first or after the last row is a crash, one between rows a change.
TYPED_TEST(RotateBlocksTest, TouchesItsElementsOnly) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t rows : {1, 7, 13, 98}) {
      for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
        const auto in = this->input(rows, b, b % 2 == 0, 5);
        const Rows to{rows, in.rows.columns, in.rows.columns + 3};
        const std::vector<T> before = random_values<T>(to.size(), 3);
        GuardedBuffer<T> x(in.x, flush);
        GuardedBuffer<typename TestFixture::M> m(in.m, flush);
        GuardedBuffer<T> y(before, flush);
        this->run(x.data(), in.rows.stride, y.data(), to.stride, m.data(), rows, in.blocks, b,
                  in.shared);
        ASSERT_TRUE(same_bits(y.values(), with_gaps(this->rotated(in), before, to)))
            << "b " << b << ", rows " << rows;
        ASSERT_TRUE(same_bits(x.values(), in.x)) << "b " << b << ", rows " << rows;
      }
    }
  }
}

TYPED_TEST(RotateBlocksTest, InPlaceEqualsOutOfPlace) {
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t rows : {1, 13, 100}) {
      const auto in = this->input(rows, b, false, 0);
      auto x = in.x;
      this->run(x.data(), in.rows.stride, x.data(), in.rows.stride, in.m.data(), rows, in.blocks, b,
                false);
      ASSERT_TRUE(same_bits(x, this->rotated(in))) << "b " << b << ", rows " << rows;
    }
  }
}

TYPED_TEST(RotateBlocksTest, PiecesEqualTheWhole) {
  for (const std::int64_t b : block_sizes()) {
    const auto in = this->input(100, b, false, 0);
    const auto whole = this->rotated(in);
    auto pieces = whole;
    std::fill(pieces.begin(), pieces.end(), typename TestFixture::T{});
    std::int64_t first = 0;
    for (const std::int64_t rows : {1, 2, 3, 11, 12, 13, 58}) {
      const std::int64_t offset = first * in.rows.columns;
      this->run(in.x.data() + offset, in.rows.stride, pieces.data() + offset, in.rows.columns,
                in.m.data(), rows, in.blocks, b, false);
      first += rows;
    }
    ASSERT_EQ(first, 100);
    ASSERT_TRUE(same_bits(pieces, whole)) << "b " << b;
  }
}

TYPED_TEST(RotateBlocksTest, NeedsNoAlignment) {
  using T = typename TestFixture::T;
  using M = typename TestFixture::M;
  for (const std::int64_t b : {3, 5, 16, 33, 77}) {
    const auto in = this->input(14, b, false, 0);
    Unaligned<T> x(in.x);
    Unaligned<M> m(in.m);
    Unaligned<T> y(in.x.size());
    this->run(x.data(), in.rows.stride, y.data(), in.rows.stride, m.data(), 14, in.blocks, b,
              false);
    ASSERT_TRUE(y.equals(this->rotated(in))) << "b " << b;
  }
}

TYPED_TEST(RotateBlocksTest, NanAndInfinityStayInTheirRowAndBlock) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {1, 4, 5, 8, 16, 17, 33, 77}) {
    auto in = this->input(14, b, false, 0);
    for (auto& factor : in.m) factor = std::fabs(factor) + 1;
    const auto clean = this->rotated(in);
    const std::int64_t last = in.blocks - 1;
    in.x[in.rows.at(2, b - 1)] = from_double<T>(std::numeric_limits<double>::infinity());
    in.x[in.rows.at(13, last * b)] = from_double<T>(-std::numeric_limits<double>::infinity());
    std::memset(&in.m[0], 0xff, sizeof in.m[0]);  // the NaN that rounds up to no NaN
    const auto y = this->rotated(in);
    for (std::int64_t i = 0; i < 14; ++i) {
      for (std::int64_t j = 0; j < in.rows.columns; ++j) {
        const std::size_t t = in.rows.at(i, j);
        SCOPED_TRACE(::testing::Message() << "b " << b << ", row " << i << ", column " << j);
        if (j == 0) {
          ASSERT_TRUE(std::isnan(to_double(y[t])));
        } else if (i == 2 && j < b) {
          ASSERT_EQ(to_double(y[t]), std::numeric_limits<double>::infinity());
        } else if (i == 13 && j >= last * b) {
          ASSERT_EQ(to_double(y[t]), -std::numeric_limits<double>::infinity());
        } else {
          ASSERT_EQ(std::memcmp(&y[t], &clean[t], sizeof(T)), 0);
        }
      }
    }
  }
}

TYPED_TEST(RotateBlocksTest, DenormalsAreKept) {
  for (const std::int64_t b : {1, 4, 16, 33}) {
    auto in = this->input(14, b, true, 0);
    fill_with_denormals(in.x);
    fill_with_identity(in.m, b);
    ASSERT_TRUE(same_bits(this->rotated(in), in.x)) << "b " << b;
  }
}

template <typename C>
class RotateBlocks16Test : public RotateBlocksTest<C> {};
using Cases16 = ::testing::Types<Case<BFloat16, Isa::kScalar>, Case<BFloat16, Isa::kAvx2>,
                                 Case<BFloat16, Isa::kAvx512>, Case<Half, Isa::kScalar>,
                                 Case<Half, Isa::kAvx2>, Case<Half, Isa::kAvx512>>;
TYPED_TEST_SUITE(RotateBlocks16Test, Cases16, CaseName);

// Each of the 65536 numbers times factors that lead to ties, denormals and overflow.
TYPED_TEST(RotateBlocks16Test, RoundsOnceToNearestEven) {
  using T = typename TestFixture::T;
  std::vector<T> x(1 << 16);
  for (std::size_t t = 0; t < x.size(); ++t) x[t].bits = static_cast<std::uint16_t>(t);
  std::vector<T> y(x.size());
  for (const std::int64_t b : {1, 32}) {
    for (const float factor : {1.0f, 1.5f, 1 + 0x1p-7f, 1 + 0x1p-10f, 0.75f, 0x1.8p-10f, 0x1p3f}) {
      std::vector<float> m(static_cast<std::size_t>(b * b));
      for (std::int64_t t = 0; t < b; ++t) m[static_cast<std::size_t>(t * b + t)] = factor;
      if (b > 1) {  // infinity times the zeros beside the diagonal would be NaN
        for (T& value : x) {
          if (!std::isfinite(to_double(value))) value = T{0};
        }
      }
      this->run(x.data(), 2048, y.data(), 2048, m.data(), 32, 2048 / b, b, true);
      for (std::size_t t = 0; t < x.size(); ++t) {
        const float product = static_cast<float>(to_double(x[t]) * factor);
        const double expected = round_to<T>(product);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(to_double(y[t]))) << "bits " << t << ", factor " << factor;
        } else {
          ASSERT_EQ(to_double(y[t]), expected) << "bits " << t << ", factor " << factor;
        }
      }
    }
  }
}

}  // namespace
}  // namespace oft::kernels
