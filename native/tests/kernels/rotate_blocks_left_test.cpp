#include "rotate_blocks_left.h"

#include <gtest/gtest.h>

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

constexpr std::int64_t kBlocks = 3;

/// On both sides of every vector and strip.
const std::vector<std::int64_t> kColumns = {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65, 130};

template <typename C>
class RotateBlocksLeftTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;
  using M = typename Accumulate<T>::type;

  using Input = RotationInput<T>;

  static Input input(std::int64_t columns, std::int64_t b, bool shared, std::int64_t gap) {
    return Input({columns == 0 ? 0 : kBlocks * b, columns, columns + gap}, b, kBlocks, shared);
  }

  static void run(const T* x, std::int64_t x_stride, T* y, std::int64_t y_stride, const M* m,
                  const Input& in) {
    rotate_blocks_left(RotateBlocksLeft<T>{x, x_stride, y, y_stride, m, in.rows.columns, in.blocks,
                                           in.b, in.shared},
                       C::kSet);
  }

  /// y without gaps.
  static std::vector<T> rotated(const Input& in) {
    const Rows to{in.rows.rows, in.rows.columns, in.rows.columns};
    std::vector<T> y(to.size());
    run(in.x.data(), in.rows.stride, y.data(), to.stride, in.m.data(), in);
    return y;
  }
};
TYPED_TEST_SUITE(RotateBlocksLeftTest, ElementCases, CaseName);

TYPED_TEST(RotateBlocksLeftTest, EqualsExactSumsToRounding) {
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t columns : kColumns) {
      const auto in = this->input(columns, b, (b + columns) % 2 == 0, 0);
      const auto y = this->rotated(in);
      for (std::int64_t i = 0; i < in.rows.rows; ++i) {
        const std::int64_t k = i / b;
        const auto* m = in.m.data() + (in.shared ? 0 : k * b * b) + i % b * b;
        for (std::int64_t c = 0; c < columns; ++c) {
          ExactSum sum;
          for (std::int64_t t = 0; t < b; ++t)
            sum.add_product(in.x[in.rows.at(k * b + t, c)], m[t]);
          ASSERT_TRUE(sum.is_near(y[in.rows.at(i, c)]))
              << "row " << i << ", column " << c << ", b " << b << ", columns " << columns;
        }
      }
    }
  }
}

// An element before the first or after the last row is a crash, one between rows a change.
TYPED_TEST(RotateBlocksLeftTest, TouchesItsElementsOnly) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t columns : {1, 9, 33, 65}) {
      for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
        const auto in = this->input(columns, b, b % 2 == 0, 5);
        const Rows to{in.rows.rows, columns, columns + 3};
        const std::vector<T> before = random_values<T>(to.size(), 3);
        GuardedBuffer<T> x(in.x, flush);
        GuardedBuffer<typename TestFixture::M> m(in.m, flush);
        GuardedBuffer<T> y(before, flush);
        this->run(x.data(), in.rows.stride, y.data(), to.stride, m.data(), in);
        ASSERT_TRUE(same_bits(y.values(), with_gaps(this->rotated(in), before, to)))
            << "b " << b << ", columns " << columns;
        ASSERT_TRUE(same_bits(x.values(), in.x)) << "b " << b << ", columns " << columns;
      }
    }
  }
}

TYPED_TEST(RotateBlocksLeftTest, InPlaceEqualsOutOfPlace) {
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t columns : kColumns) {
      const auto in = this->input(columns, b, false, 0);
      auto x = in.x;
      this->run(x.data(), in.rows.stride, x.data(), in.rows.stride, in.m.data(), in);
      ASSERT_TRUE(same_bits(x, this->rotated(in))) << "b " << b << ", columns " << columns;
    }
  }
}

TYPED_TEST(RotateBlocksLeftTest, ColumnsApartEqualTheWhole) {
  for (const std::int64_t b : block_sizes()) {
    auto in = this->input(100, b, true, 0);
    const auto whole = this->rotated(in);
    auto pieces = whole;
    std::fill(pieces.begin(), pieces.end(), typename TestFixture::T{});
    std::int64_t first = 0;
    for (const std::int64_t columns : {1, 15, 17, 67}) {
      in.rows.columns = columns;
      this->run(in.x.data() + first, 100, pieces.data() + first, 100, in.m.data(), in);
      first += columns;
    }
    ASSERT_EQ(first, 100);
    ASSERT_TRUE(same_bits(pieces, whole)) << "b " << b;
  }
}

TYPED_TEST(RotateBlocksLeftTest, NeedsNoAlignment) {
  using T = typename TestFixture::T;
  using M = typename TestFixture::M;
  for (const std::int64_t b : {3, 5, 16, 33, 77}) {
    const auto in = this->input(45, b, false, 0);
    Unaligned<T> x(in.x);
    Unaligned<M> m(in.m);
    Unaligned<T> y(in.x.size());
    this->run(x.data(), 45, y.data(), 45, m.data(), in);
    ASSERT_TRUE(y.equals(this->rotated(in))) << "b " << b;
  }
}

TYPED_TEST(RotateBlocksLeftTest, NanAndInfinityStayInTheirColumnAndBlock) {
  using T = typename TestFixture::T;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const std::int64_t b : {1, 4, 5, 16, 33, 77}) {
    auto in = this->input(40, b, false, 0);
    for (auto& factor : in.m) factor = std::fabs(factor) + 1;
    const auto clean = this->rotated(in);
    in.x[in.rows.at(b - 1, 2)] = from_double<T>(kInfinity);
    std::memset(&in.x[in.rows.at(2 * b, 39)], 0xff, sizeof(T));
    const auto y = this->rotated(in);
    for (std::int64_t i = 0; i < in.rows.rows; ++i) {
      for (std::int64_t c = 0; c < 40; ++c) {
        const std::size_t t = in.rows.at(i, c);
        SCOPED_TRACE(::testing::Message() << "b " << b << ", row " << i << ", column " << c);
        if (c == 2 && i < b) {
          ASSERT_EQ(to_double(y[t]), kInfinity);
        } else if (c == 39 && i >= 2 * b) {
          ASSERT_TRUE(std::isnan(to_double(y[t])));
        } else {
          ASSERT_EQ(std::memcmp(&y[t], &clean[t], sizeof(T)), 0);
        }
      }
    }
  }
}

TYPED_TEST(RotateBlocksLeftTest, DenormalsAreKept) {
  for (const std::int64_t b : {1, 4, 16, 33}) {
    auto in = this->input(40, b, true, 0);
    fill_with_denormals(in.x);
    fill_with_identity(in.m, b);
    ASSERT_TRUE(same_bits(this->rotated(in), in.x)) << "b " << b;
  }
}

}  // namespace
}  // namespace oft::kernels
