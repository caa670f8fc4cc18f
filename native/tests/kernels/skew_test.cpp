#include "skew.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cases.h"
#include "guarded_buffer.h"

namespace oft::kernels {
namespace {

template <typename C>
class SkewTest : public KernelTest<C> {
 protected:
  using T = typename C::Element;
};

using Cases = ::testing::Types<Case<float, Isa::kScalar>, Case<float, Isa::kAvx2>,
                               Case<float, Isa::kAvx512>, Case<double, Isa::kScalar>,
                               Case<double, Isa::kAvx2>, Case<double, Isa::kAvx512>>;
TYPED_TEST_SUITE(SkewTest, Cases, CaseName);

TYPED_TEST(SkewTest, UnpacksAndPacksEveryElement) {
  using T = typename TestFixture::T;
  for (std::int64_t b = 1; b <= 67; ++b) {
    for (const Flush flush : {Flush::kStart, Flush::kEnd}) {
      constexpr std::int64_t kBlocks = 3;
      std::vector<T> values(static_cast<std::size_t>(kBlocks * b * (b - 1) / 2));
      for (std::size_t t = 0; t < values.size(); ++t) values[t] = static_cast<T>(t + 1);
      const GuardedBuffer<T> q(values, flush);
      const GuardedBuffer<T> skew(static_cast<std::size_t>(kBlocks * b * b), flush);
      unpack_skew(q.data(), skew.data(), kBlocks, b, TypeParam::kSet);
      const T* next = q.data();
      for (std::int64_t k = 0; k < kBlocks; ++k) {
        const T* block = skew.data() + k * b * b;
        for (std::int64_t i = 0; i < b; ++i) {
          ASSERT_EQ(block[i * b + i], 0) << "b " << b;
          for (std::int64_t j = i + 1; j < b; ++j, ++next) {
            ASSERT_EQ(block[i * b + j], *next) << "b " << b;
            ASSERT_EQ(block[j * b + i], -*next) << "b " << b;
          }
        }
      }
      const GuardedBuffer<T> packed(values.size(), flush);
      pack_upper(skew.data(), packed.data(), kBlocks, b);
      ASSERT_EQ(packed.values(), values) << "b " << b;
    }
  }
}

}  // namespace
}  // namespace oft::kernels
