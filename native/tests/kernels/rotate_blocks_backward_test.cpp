#include "rotate_blocks_backward.h"

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

/// On both sides of what is summed up at once.
const std::vector<std::int64_t> kRows = {0, 1, 2, 63, 64, 65, 130};

template <typename C>
class RotateBlocksBackwardTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;
  using M = typename Accumulate<T>::type;

  struct Input {
    std::vector<T> x;
    std::vector<T> y_grad;
    Rows rows;
    std::int64_t b;
    std::int64_t blocks;
    bool shared;

    Input(std::int64_t count, std::int64_t size, bool share, std::int64_t gap)
        : rows{count, blocks_for(size) * size, blocks_for(size) * size + gap},
          b(size),
          blocks(blocks_for(size)),
          shared(share) {
      x = random_values<T>(rows.size(), 1);
      y_grad = random_values<T>(rows.size(), 2);
    }

    std::size_t results() const { return static_cast<std::size_t>((shared ? 1 : blocks) * b * b); }
  };

  static void run(const T* x, const T* y_grad, M* m_grad, const Input& in, std::int64_t first,
                  std::int64_t last) {
    rotate_blocks_backward(
        RotateBlocksBackward<T>{x, in.rows.stride, y_grad, in.rows.stride, m_grad, in.rows.rows,
                                in.blocks, in.b, first, last, in.shared},
        C::kSet);
  }

  /// From old values that must not shine through.
  static std::vector<M> gradient(const Input& in) {
    std::vector<M> m_grad(in.results(), std::numeric_limits<M>::quiet_NaN());
    run(in.x.data(), in.y_grad.data(), m_grad.data(), in, 0, in.b);
    return m_grad;
  }
};
TYPED_TEST_SUITE(RotateBlocksBackwardTest, ElementCases, CaseName);

TYPED_TEST(RotateBlocksBackwardTest, EqualsExactSumsToRounding) {
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t rows : kRows) {
      const typename TestFixture::Input in(rows, b, (b + rows) % 2 == 0, 0);
      const auto m_grad = this->gradient(in);
      const std::int64_t blocks_of_one = in.shared ? in.blocks : 1;
      for (std::size_t at = 0; at < m_grad.size(); ++at) {
        const auto k = static_cast<std::int64_t>(at) / (b * b);
        const std::int64_t t = static_cast<std::int64_t>(at) / b % b;
        const std::int64_t j = static_cast<std::int64_t>(at) % b;
        ExactSum sum;
        for (std::int64_t block = k; block < k + blocks_of_one; ++block) {
          for (std::int64_t i = 0; i < rows; ++i) {
            sum.add_product(in.x[in.rows.at(i, block * b + t)],
                            in.y_grad[in.rows.at(i, block * b + j)]);
          }
        }
        ASSERT_TRUE(sum.is_near(m_grad[at]))
            << "element " << at << ", b " << b << ", rows " << rows;
      }
    }
  }
}

// An element before the first or after the last row is a crash.
TYPED_TEST(RotateBlocksBackwardTest, TouchesItsElementsOnly) {
  using T = typename TestFixture::T;
  using M = typename TestFixture::M;
  for (const std::int64_t b : block_sizes()) {
    for (const std::int64_t rows : {1, 65}) {
      for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
        const typename TestFixture::Input in(rows, b, b % 2 == 0, 5);
        GuardedBuffer<T> x(in.x, flush);
        GuardedBuffer<T> y_grad(in.y_grad, flush);
        GuardedBuffer<M> m_grad(in.results(), flush);
        this->run(x.data(), y_grad.data(), m_grad.data(), in, 0, b);
        ASSERT_TRUE(same_bits(m_grad.values(), this->gradient(in))) << "b " << b;
      }
    }
  }
}

TYPED_TEST(RotateBlocksBackwardTest, RowsOfTheResultApartEqualTheWhole) {
  using M = typename TestFixture::M;
  for (const std::int64_t b : block_sizes()) {
    const typename TestFixture::Input in(70, b, b % 2 == 0, 0);
    std::vector<M> parts(in.results(), std::numeric_limits<M>::quiet_NaN());
    const std::int64_t middle = b / 3;
    this->run(in.x.data(), in.y_grad.data(), parts.data(), in, middle, b);
    for (std::size_t at = 0; at < parts.size(); ++at) {
      const bool outside = static_cast<std::int64_t>(at) / b % b < middle;
      ASSERT_EQ(std::isnan(parts[at]), outside) << "b " << b << ", element " << at;
    }
    this->run(in.x.data(), in.y_grad.data(), parts.data(), in, 0, middle);
    ASSERT_TRUE(same_bits(parts, this->gradient(in))) << "b " << b;
  }
}

TYPED_TEST(RotateBlocksBackwardTest, NeedsNoAlignment) {
  using T = typename TestFixture::T;
  using M = typename TestFixture::M;
  for (const std::int64_t b : {3, 5, 16, 33, 77}) {
    const typename TestFixture::Input in(14, b, false, 0);
    Unaligned<T> x(in.x);
    Unaligned<T> y_grad(in.y_grad);
    Unaligned<M> m_grad(in.results());
    this->run(x.data(), y_grad.data(), m_grad.data(), in, 0, b);
    ASSERT_TRUE(m_grad.equals(this->gradient(in))) << "b " << b;
  }
}

TYPED_TEST(RotateBlocksBackwardTest, NanAndInfinityStayInTheirRowAndColumn) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {2, 4, 5, 8, 16, 17, 33, 77}) {
    typename TestFixture::Input in(70, b, false, 0);
    for (auto* values : {&in.x, &in.y_grad}) {
      for (T& value : *values) value = from_double<T>(std::fabs(to_double(value)) + 1);
    }
    const auto clean = this->gradient(in);
    in.x[in.rows.at(69, b - 1)] = from_double<T>(std::numeric_limits<double>::infinity());
    std::memset(&in.y_grad[in.rows.at(3, b)], 0xff, sizeof(T));
    const auto m_grad = this->gradient(in);
    for (std::size_t at = 0; at < m_grad.size(); ++at) {
      const std::int64_t row = static_cast<std::int64_t>(at) / b;
      const std::int64_t column = static_cast<std::int64_t>(at) % b;
      if (row == b - 1) {
        ASSERT_EQ(static_cast<double>(m_grad[at]), std::numeric_limits<double>::infinity());
      } else if (row >= b && row < 2 * b && column == 0) {
        ASSERT_TRUE(std::isnan(m_grad[at]));
      } else {
        ASSERT_EQ(m_grad[at], clean[at]) << "b " << b << ", element " << at;
      }
    }
  }
}

TYPED_TEST(RotateBlocksBackwardTest, DenormalsAreKept) {
  using T = typename TestFixture::T;
  for (const std::int64_t b : {1, 4, 16, 33}) {
    typename TestFixture::Input in(1, b, false, 0);
    fill_with_denormals(in.x);
    std::fill(in.y_grad.begin(), in.y_grad.end(), from_double<T>(1));
    const auto m_grad = this->gradient(in);
    for (std::size_t at = 0; at < m_grad.size(); ++at) {
      ASSERT_EQ(static_cast<double>(m_grad[at]), to_double(in.x[at / static_cast<std::size_t>(b)]));
    }
  }
}

}  // namespace
}  // namespace oft::kernels
