#include "src/recycled_memory.hpp"

#include <c10/core/InferenceMode.h>

#include <thread>
#include <vector>

#include "support.hpp"

namespace oft {
namespace {

TEST(RecycledMemory, IsOfOneTensorAtATime) {
  at::Tensor first = empty_recycled({512, 128}, at::kFloat);
  const void* memory = first.const_data_ptr();
  const at::Tensor view = first.narrow(0, 1, 2);
  first.reset();
  EXPECT_NE(empty_recycled({512, 128}, at::kFloat).const_data_ptr(), memory) << "a view uses it";
}

TEST(RecycledMemory, GoesToTheNextThatFits) {
  const void* memory = empty_recycled({600, 128}, at::kFloat).const_data_ptr();
  const at::Tensor larger = empty_recycled({601, 128}, at::kFloat);
  EXPECT_NE(larger.const_data_ptr(), memory);
  const at::Tensor next = empty_recycled({290, 128}, at::kDouble);
  EXPECT_EQ(next.const_data_ptr(), memory);
  EXPECT_EQ(next.sizes(), at::IntArrayRef({290, 128}));
  EXPECT_TRUE(next.is_contiguous());
}

TEST(RecycledMemory, TensorsAreOrdinary) {
  at::Tensor tensor = empty_recycled({400, 100}, at::kFloat).fill_(1);
  tensor.resize_({800, 100});
  EXPECT_TRUE(tensor.narrow(0, 0, 400).equal(at::ones({400, 100})));
  EXPECT_EQ(empty_recycled({0, 3}, at::kFloat).numel(), 0);
  EXPECT_FALSE(empty_recycled({2, 3}, at::kFloat).is_inference());
  const c10::InferenceMode inference;
  EXPECT_TRUE(empty_recycled({400, 100}, at::kFloat).is_inference());
}

TEST(RecycledMemory, ServesThreads) {
  std::vector<int> strangers(4, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&strangers, i] {
      for (int run = 0; run < 200; ++run) {
        const at::Tensor tensor = empty_recycled({260, 128}, at::kFloat).fill_(i);
        strangers[i] += !tensor.eq(i).all().item<bool>();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(strangers, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace oft
