#include "operator_call.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <thread>

#include "core_support.hpp"

namespace oft {
namespace {

using namespace testing;
using c10::IValue;

at::Tensor tensor_result(const std::string& name, const std::vector<IValue>& args,
                         const Kwargs& kwargs = {}) {
  return call_operator(name, args, kwargs).toTensor();
}

TEST(OperatorCall, TakesTheFirstOverloadThatFits) {
  const at::Tensor x = at::arange(6, at::kFloat).reshape({2, 3});
  EXPECT_TRUE(at::equal(tensor_result("aten::add", {x, x}), x + x));
  EXPECT_TRUE(at::equal(tensor_result("aten::add", {x, 2}), x + 2));
  EXPECT_TRUE(at::equal(tensor_result("aten::add", {x, 0.5}, {{"alpha", 2}}), x + 1));
  EXPECT_TRUE(at::equal(tensor_result("aten::add.Scalar", {x, 2}), x + 2));
  EXPECT_TRUE(at::equal(tensor_result("aten::sum", {x}), x.sum()));
  EXPECT_TRUE(at::equal(tensor_result("aten::mean", {x, 1}, {{"keepdim", true}}), x.mean(1, true)));
  EXPECT_TRUE(at::equal(tensor_result("aten::softmax", {x, -1}), x.softmax(-1)));
  EXPECT_EQ(tensor_result("aten::to", {x, "float64"}).scalar_type(), at::kDouble);
  EXPECT_TRUE(at::equal(tensor_result("aten::transpose", {x, 0, 1}), x.t()));
  c10::List<IValue> parts(c10::AnyType::get());
  parts.push_back(x);
  parts.push_back(x);
  EXPECT_TRUE(at::equal(tensor_result("aten::cat", {parts, 1}), at::cat({x, x}, 1)));
  EXPECT_TRUE(at::equal(tensor_result("aten::linear", {x, x}), x.matmul(x.t())));
}

TEST(OperatorCall, ResultsAreNoneOneOrATuple) {
  const at::Tensor x = at::randn({4, 3});
  const IValue pair = call_operator("aten::max", {x, 1});
  ASSERT_TRUE(pair.isTuple());
  EXPECT_TRUE(at::equal(pair.toTupleRef().elements()[0].toTensor(), std::get<0>(x.max(1))));
  EXPECT_TRUE(at::equal(pair.toTupleRef().elements()[1].toTensor(), std::get<1>(x.max(1))));
  EXPECT_EQ(call_operator("aten::size", {x, 1}).toInt(), 3);
  EXPECT_TRUE(call_operator("aten::is_same_size", {x, x}).toBool());
  EXPECT_TRUE(call_operator("aten::unbind", {x}).isTensorList());
  EXPECT_TRUE(call_operator("aten::_assert_async", {at::ones({})}).isNone());
}

TEST(OperatorCall, RecordsGradientsEvenWhereTheThreadDoesNot) {
  const at::Tensor x = at::ones({3}).requires_grad_();
  const at::NoGradGuard none;
  EXPECT_TRUE(tensor_result("aten::mul", {x, 2}).requires_grad());
  EXPECT_FALSE(tensor_result("aten::mul", {x.detach(), 2}).requires_grad());
  EXPECT_FALSE(at::GradMode::is_enabled());
}

TEST(OperatorCall, UnknownNamesGetTheNearest) {
  const auto unknown = [](const std::string& name) {
    return error_of(Status::kNotFound, [&] { call_operator(name, {}); });
  };
  expect_contains(unknown("aten::sofmax"), {"'aten::sofmax'", "'aten::softmax'"});
  expect_contains(unknown("softmax"), {"'softmax'", "nearest: 'aten::softmax'"});
  expect_contains(unknown("aten::softmax.integer"), {"'integer'", "'int', 'int_out'"});
  expect_contains(unknown(""), {"no operator ''"});
  expect_contains(unknown("::"), {"no operator '::'"});
}

TEST(OperatorCall, ArgumentsThatDoNotFitNameTheSignatures) {
  const at::Tensor x = at::ones({3});
  expect_error(Status::kInvalidArgument,
               {"aten::softmax", "softmax.int(self: Tensor, dim: int", "'dim' is missing"},
               [&] { call_operator("aten::softmax", {x}); });
  expect_error(Status::kInvalidArgument, {"aten::relu", "'self'", "wanted is Tensor"},
               [&] { call_operator("aten::relu", {"x"}); });
  expect_error(Status::kInvalidArgument, {"no argument 'dims'"}, [&] {
    call_operator("aten::softmax.int", {x, 0}, {{"dims", 1}});
  });
}

TEST(OperatorCall, FailuresInsideNameTheOperator) {
  const std::string text = error_of(Status::kInvalidArgument, [] {
    call_operator("aten::matmul", {at::ones({2, 3}), at::ones({2, 3})});
  });
  expect_contains(text, {"aten::matmul: ", "2x3"});
  EXPECT_EQ(text.find("frame #"), std::string::npos);
  expect_error(Status::kUnsupported, {"aten::cumsum: ", "SparseCPU"}, [] {
    call_operator("aten::cumsum", {at::eye(2).to_sparse(), 0});
  });
}

TEST(OperatorCall, ManyThreadsLookUpAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (const char* name : {"aten::exp", "aten::log", "aten::sin", "aten::cos", "aten::tanh"})
        for (int i = 0; i < 50; ++i)
          if (tensor_result(name, {at::ones({2})}).numel() == 2) ++good;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8 * 5 * 50);
}

}  // namespace
}  // namespace oft
