#include "oft/functional.hpp"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/irparser.h>

#include <functional>
#include <thread>

#include "src/cayley.hpp"
#include "src/rotate_blocks.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

/// Every formula that there is, by the terms that make a difference.
std::vector<RotationSpec> all_formulas() {
  std::vector<RotationSpec> specs{{}};
  for (const Formula formula : {Formula::kCayleyNeumann, Formula::kCayleyNeumannLegacy})
    for (std::int64_t terms = 1; terms <= 7; ++terms)
      specs.push_back({.formula = formula, .terms = terms});
  return specs;
}

std::string name_of(const RotationSpec& spec) {
  return std::string(formula_name(spec.formula)) + " " + std::to_string(spec.terms);
}

at::Tensor leaf(const at::Tensor& value) { return value.detach().clone().requires_grad_(true); }

/// The gradient of a scalar function by central differences, in float64.
at::Tensor numeric_gradient(const at::Tensor& at_point,
                            const std::function<at::Tensor(const at::Tensor&)>& function) {
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-6;
  at::Tensor point = at_point.detach().clone();
  at::Tensor gradient = at::zeros_like(point);
  auto* values = point.mutable_data_ptr<double>();
  auto* slopes = gradient.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < point.numel(); ++i) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = function(point).item<double>();
    values[i] = value - kStep;
    slopes[i] = (above - function(point).item<double>()) / (2 * kStep);
    values[i] = value;
  }
  return gradient;
}

TEST(FunctionalCayley, GradientsAreThoseOfFiniteDifferences) {
  at::manual_seed(1);
  for (const RotationSpec& spec : all_formulas())
    for (const std::int64_t b : {1, 2, 3, 5, 7, 32}) {
      SCOPED_TRACE(name_of(spec) + ", b " + std::to_string(b));
      const at::Tensor q =
          leaf(at::randn({2, b * (b - 1) / 2}, at::kDouble) / static_cast<double>(2 * b));
      const at::Tensor slope = at::randn({2, b, b}, at::kDouble);
      const auto loss = [&](const at::Tensor& value) {
        return (functional::cayley(value, b, spec) * slope).sum();
      };
      loss(q).backward();
      const at::Tensor expected = numeric_gradient(q, loss);
      EXPECT_TRUE(at::allclose(q.grad(), expected, 1e-7, 1e-7))
          << max_difference(q.grad(), expected);
    }
}

TEST(FunctionalCayley, BothTypesHaveTheValuesAndGradientsOfTheOperatorsOfLibtorch) {
  at::manual_seed(2);
  for (const RotationSpec& spec : all_formulas())
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
      SCOPED_TRACE(name_of(spec));
      const at::Tensor q = leaf((at::randn({150, 496}, at::kDouble) * 0.03).to(type));
      const at::Tensor reference = leaf(q);
      const at::Tensor slope = at::randn({150, 32, 32}, at::kDouble).to(type);
      const at::Tensor r = functional::cayley(q, 32, spec);
      const at::Tensor expected = cayley_aten(reference, 32, spec);
      const double tolerance = type == at::kDouble ? 1e-13 : 2e-5;
      EXPECT_EQ(r.scalar_type(), type);
      EXPECT_LT(max_difference(r, expected), tolerance);
      (r * slope).sum().backward();
      ((expected * slope).sum() + 0 * reference.sum()).backward();  // one term needs no q
      EXPECT_LT(max_difference(q.grad(), reference.grad()), tolerance);
    }
}

TEST(FunctionalCayley, BadParametersAreNamed) {
  expect_error(Status::kInvalidArgument, {"shape [2, 5]", "[blocks, 6]"}, [] {
    functional::cayley(at::zeros({2, 5}), 4, {});
  });
  expect_error(Status::kInvalidArgument, {"bfloat16", "float32 or float64"}, [] {
    functional::cayley(at::zeros({2, 6}, at::kBFloat16), 4, {});
  });
}

struct RotateCase {
  std::vector<std::int64_t> shape;
  std::vector<std::pair<std::int64_t, bool>> blocks;  // b, shared
};

std::vector<at::Tensor> random_blocks(const RotateCase& test) {
  std::vector<at::Tensor> blocks;
  for (const auto& [b, shared] : test.blocks)
    blocks.push_back(
        leaf(at::randn({shared ? 1 : test.shape.back() / b, b, b}, at::kDouble) * 0.5));
  return blocks;
}

TEST(FunctionalRotate, GradientsAreThoseOfFiniteDifferences) {
  at::manual_seed(3);
  for (const RotateCase& test :
       std::vector<RotateCase>{{{3, 4}, {{2, false}}},
                               {{3, 9}, {{3, false}}},
                               {{2, 2, 10}, {{5, false}}},
                               {{2, 1, 3, 14}, {{7, true}}},
                               {{14}, {{7, false}}},
                               {{3, 64}, {{32, true}}},
                               {{1, 5}, {{5, true}}},
                               {{4, 12}, {{4, false}, {6, true}, {1, false}, {12, false}}}}) {
    SCOPED_TRACE(::testing::PrintToString(test.shape));
    const at::Tensor x = leaf(at::randn(test.shape, at::kDouble));
    const std::vector<at::Tensor> blocks = random_blocks(test);
    const at::Tensor slope = at::randn(test.shape, at::kDouble);
    const auto loss = [&](const at::Tensor& input, at::TensorList matrices) {
      return (functional::rotate(input, matrices) * slope).sum();
    };
    loss(x, blocks).backward();
    const at::Tensor expected =
        numeric_gradient(x, [&](const at::Tensor& value) { return loss(value, blocks); });
    EXPECT_LT(max_difference(x.grad(), expected), 1e-7);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const at::Tensor slopes = numeric_gradient(blocks[i], [&](const at::Tensor& value) {
        std::vector<at::Tensor> changed = blocks;
        changed[i] = value;
        return loss(x, changed);
      });
      EXPECT_LT(max_difference(blocks[i].grad(), slopes), 1e-7) << i;
    }
  }
}

TEST(FunctionalRotate, SixteenBitGradientsAreThoseOfFloat32RoundedOnce) {
  at::manual_seed(4);
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf})
    for (const bool shared : {false, true}) {
      const at::Tensor x = leaf(at::randn({70, 48}).to(type));
      const at::Tensor r = leaf(at::randn({shared ? 1 : 3, 16, 16}) * 0.25);
      const at::Tensor slope = at::randn({70, 48}).to(type);
      functional::rotate(x, {r}).backward(slope);

      const at::Tensor x32 = leaf(x.to(at::kFloat));
      const at::Tensor r32 = leaf(r);
      functional::rotate(x32, {r32}).backward(slope.to(at::kFloat));
      EXPECT_EQ(x.grad().scalar_type(), type);
      EXPECT_EQ(r.grad().scalar_type(), at::kFloat);
      EXPECT_TRUE(at::allclose(x.grad().to(at::kFloat), x32.grad(),
                               type == at::kHalf ? 0x1p-11 : 0x1p-8, 1e-6));
      EXPECT_LT(max_difference(r.grad(), r32.grad()), 1e-4);
    }
}

TEST(FunctionalRotate, WhatIsNotContiguousGetsTheSameGradients) {
  at::manual_seed(5);
  const at::Tensor base = leaf(at::randn({6, 5, 4}, at::kDouble));
  const at::Tensor r = leaf(at::randn({3, 2, 2}, at::kDouble));
  const at::Tensor transposed = base.transpose(0, 2);    // [4, 5, 6]
  functional::rotate(transposed, {r}).sum().backward();  // an expanded gradient

  const at::Tensor plain = leaf(transposed.contiguous());
  const at::Tensor r2 = leaf(r);
  functional::rotate(plain, {r2}).backward(at::ones({4, 5, 6}, at::kDouble));
  EXPECT_LT(max_difference(base.grad().transpose(0, 2), plain.grad()), 1e-14);
  EXPECT_LT(max_difference(r.grad(), r2.grad()), 1e-13);

  const at::Tensor r3 = leaf(r.transpose(1, 2));
  functional::rotate(plain.detach(), {r3.transpose(1, 2)}).sum().backward();
  EXPECT_LT(max_difference(r3.grad().transpose(1, 2), r2.grad()), 1e-13);
}

TEST(FunctionalRotate, OnlyWhatIsNeededIsComputedAndKept) {
  at::manual_seed(6);
  const at::Tensor x = at::randn({3, 4});
  const at::Tensor r = at::randn({2, 2, 2});
  EXPECT_FALSE(functional::rotate(x, {r}).requires_grad());

  const at::Tensor trained_r = leaf(r);
  functional::rotate(x, {trained_r}).sum().backward();
  EXPECT_TRUE(trained_r.grad().defined());
  EXPECT_FALSE(x.grad().defined());

  const at::Tensor trained_x = leaf(x);
  at::Tensor input = trained_x * 1;
  const at::Tensor y = functional::rotate(input, {r});
  input.zero_();  // not kept, for R is not trained
  y.sum().backward();
  EXPECT_LT(max_difference(trained_x.grad(), rotate_blocks(at::ones({3, 4}), r.transpose(1, 2))),
            1e-6);
  EXPECT_FALSE(r.grad().defined());
}

TEST(FunctionalRotate, WithoutGradModeThereIsNoGraph) {
  const at::Tensor x = leaf(at::randn({3, 4}));
  const at::Tensor r = leaf(at::randn({2, 2, 2}));
  {
    const at::NoGradGuard no_grad;
    EXPECT_FALSE(functional::rotate(x, {r}).requires_grad());
    EXPECT_FALSE(functional::cayley(leaf(at::zeros({2, 1})), 2, {}).requires_grad());
  }
  const c10::InferenceMode inference;
  const at::Tensor y = functional::rotate(x, {r});
  EXPECT_TRUE(y.is_inference());
  EXPECT_LT(max_difference(functional::rotate(y, {r}), rotate_blocks(rotate_blocks(x, r), r)),
            1e-6);
}

TEST(FunctionalRotate, WithoutBlocksTheInputComesBack) {
  const at::Tensor x = at::randn({3, 4});
  EXPECT_TRUE(functional::rotate(x, {}).is_same(x));
  const at::Tensor ids = at::arange(3);
  EXPECT_TRUE(functional::rotate(ids, {}).is_same(ids));
  const at::Tensor trained = leaf(x);
  functional::rotate(trained, {}).sum().backward();
  EXPECT_TRUE(trained.grad().equal(at::ones({3, 4})));
}

TEST(FunctionalRotate, NoRowsGiveZeroGradients) {
  const at::Tensor x = leaf(at::zeros({0, 6}));
  const at::Tensor r = leaf(at::randn({2, 3, 3}));
  functional::rotate(x, {r}).sum().backward();
  EXPECT_EQ(x.grad().sizes(), x.sizes());
  EXPECT_TRUE(r.grad().equal(at::zeros({2, 3, 3})));
}

TEST(FunctionalRotate, AutocastDoesNotLowerThePrecision) {
  at::manual_seed(7);
  const auto gradients = [](const at::Tensor& q0, const at::Tensor& x0) {
    const at::Tensor q = leaf(q0);
    const at::Tensor x = leaf(x0);
    const RotationSpec spec{.formula = Formula::kCayleyNeumann};
    const at::Tensor y = functional::rotate(x, {functional::cayley(q, 8, spec)});
    y.pow(2).sum().backward();
    return std::vector<at::Tensor>{y.detach(), q.grad(), x.grad()};
  };
  const at::Tensor q = at::randn({3, 28}) * 0.1;
  const at::Tensor x = at::randn({11, 24});
  const std::vector<at::Tensor> expected = gradients(q, x);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const std::vector<at::Tensor> cast = gradients(q, x);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(cast[i].equal(expected[i])) << i;
}

TEST(FunctionalRotate, TorchScriptCallsTheOperatorAndTrainsThroughIt) {
  at::manual_seed(8);
  const auto graph = std::make_shared<torch::jit::Graph>();
  torch::jit::parseIR(R"(
graph(%x : Tensor, %rotations : Tensor[], %weight : Tensor):
  %bias : NoneType = prim::Constant()
  %rotated : Tensor = oft::rotate(%x, %rotations)
  %y : Tensor = aten::linear(%rotated, %weight, %bias)
  return (%y))",
                      graph.get());
  torch::jit::GraphFunction layer("layer", graph, nullptr);
  const at::Tensor weight = at::randn({5, 6});
  const at::Tensor x = at::randn({4, 6});
  // The profiling executor changes the graph on the second and third call.
  for (int call = 0; call < 4; ++call) {
    const std::vector<at::Tensor> blocks{leaf(at::randn({2, 3, 3})), leaf(at::randn({1, 2, 2}))};
    const at::Tensor y = layer({x, c10::List<at::Tensor>(blocks), weight}).toTensor();
    y.pow(2).sum().backward();

    const std::vector<at::Tensor> again{leaf(blocks[0]), leaf(blocks[1])};
    const at::Tensor expected = functional::rotate(x, again).matmul(weight.t());
    expected.pow(2).sum().backward();
    EXPECT_LT(max_difference(y, expected), 1e-4);
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_TRUE(at::allclose(blocks[i].grad(), again[i].grad(), 1e-4, 1e-4)) << call;
  }
  const at::Tensor plain = layer({x, c10::List<at::Tensor>(), weight}).toTensor();
  EXPECT_LT(max_difference(plain, x.matmul(weight.t())), 1e-5);
}

TEST(FunctionalRotate, ThreadsGetTheirOwnGradients) {
  at::manual_seed(9);
  const at::Tensor r = at::randn({4, 8, 8});
  const at::Tensor x = at::randn({16, 32});
  const auto gradient = [&] {
    const at::Tensor trained = leaf(r);
    functional::rotate(x, {trained}).pow(2).sum().backward();
    return trained.grad();
  };
  const at::Tensor expected = gradient();
  std::vector<at::Tensor> results(8);
  std::vector<std::thread> threads;
  for (at::Tensor& result : results)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) result = gradient();
    });
  for (std::thread& thread : threads) thread.join();
  for (const at::Tensor& result : results) EXPECT_LT(max_difference(result, expected), 1e-4);
}

TEST(FunctionalRotate, SecondDerivativesAreRefused) {
  const at::Tensor r = leaf(at::randn({2, 2, 2}));
  const at::Tensor loss = functional::rotate(at::randn({3, 4}), {r}).pow(2).sum();
  expect_error(Status::kUnsupported, {"oft::rotate", "second derivative", "create_graph"}, [&] {
    torch::autograd::grad({loss}, {r}, {}, /*retain_graph=*/true, /*create_graph=*/true);
  });
  const at::Tensor q = leaf(at::zeros({2, 1}));
  expect_error(Status::kUnsupported, {"cayley", "second derivative"}, [&] {
    torch::autograd::grad({functional::cayley(q, 2, {}).sum()}, {q}, {}, true, true);
  });
}

TEST(FunctionalRotate, BlocksThatDoNotFitAreNamed) {
  const at::Tensor x = at::randn({3, 12});
  for (const at::Tensor& r : {at::zeros({2, 4, 4}), at::zeros({1, 5, 5}), at::zeros({4, 4}),
                              at::zeros({3, 4, 3}), at::zeros({0, 4, 4})})
    expect_error(Status::kInvalidArgument, {"do not fit", "[3, 12]", "[features / b or 1, b, b]"},
                 [&] { functional::rotate(x, {r}); });
  expect_error(Status::kInvalidArgument, {"float64", "must be float32"}, [&] {
    functional::rotate(x, {at::zeros({3, 4, 4}, at::kDouble)});
  });
  expect_error(Status::kInvalidArgument, {"int64", "convert it"}, [&] {
    functional::rotate(at::arange(12), {at::zeros({3, 4, 4})});
  });
  expect_error(Status::kInvalidArgument, {"do not fit"}, [&] {
    functional::rotate(at::zeros({}), {at::zeros({1, 1, 1})});
  });
}

}  // namespace
}  // namespace oft
