#include "src/linear.hpp"

#include <ATen/autocast_mode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/irparser.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "oft/build_info.hpp"
#include "oft/functional.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;
using OptionalTensor = std::optional<at::Tensor>;

constexpr double kTolerance = 2e-5;  // of sums of some hundred products of about 1

at::Tensor leaf(const at::Tensor& value) { return value.detach().clone().requires_grad_(true); }

at::Tensor by_onednn(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias) {
  return linear(x, weight, bias, LinearBackend::kOneDnn);
}

/// Whether a result that was recorded came from oneDNN.
bool is_onednn(const at::Tensor& y) {
  return y.grad_fn() != nullptr && y.grad_fn()->name().find("FrozenLinear") != std::string::npos;
}

/// Products large enough for oneDNN; of any strides.
struct Case {
  at::Tensor x;
  at::Tensor weight;
};

std::vector<Case> large_cases() {
  const at::Tensor wide = at::randn({384, 300});
  return {{at::randn({24, 300}), wide},
          {at::randn({3, 7, 300}), wide},
          {at::randn({2, 1, 3, 17, 300}), wide},
          {at::randn({300, 40}).t(), wide},
          {at::randn({5, 4, 300}).transpose(0, 1), wide},
          {at::randn({4, 600}).unfold(1, 300, 30), wide},
          {at::randn({1, 300}).expand({33, 300}), wide},
          {at::randn({16, 1025}), at::randn({129, 1025})},
          {at::randn({21, 384}), wide.t()},
          {at::randn({1999, 33}), at::randn({35, 33})}};
}

TEST(Linear, OneDnnComputesWhatLibtorchDoes) {
  at::manual_seed(1);
  for (const auto& [x, weight] : large_cases())
    for (const bool with_bias : {true, false})
      for (const bool trained_bias : {true, false}) {
        SCOPED_TRACE(::testing::PrintToString(x.sizes()));
        const at::Tensor bias = at::randn({weight.size(0)});
        const at::Tensor y_grad = at::linear(at::randn_like(x), weight);
        const auto run = [&](auto&& multiply) {
          const at::Tensor own_x = x.detach().requires_grad_(true);
          const OptionalTensor own_bias =
              with_bias ? OptionalTensor(bias.detach().clone().requires_grad_(trained_bias))
                        : std::nullopt;
          std::vector<at::Tensor> results{multiply(own_x, weight, own_bias)};
          std::vector<at::Tensor> inputs{own_x};
          if (with_bias && trained_bias) inputs.push_back(*own_bias);
          for (const at::Tensor& grad : torch::autograd::grad({results[0]}, inputs, {y_grad}))
            results.push_back(grad);
          return results;
        };
        const auto ours = run(by_onednn);
        EXPECT_TRUE(is_onednn(ours[0]));
        const auto theirs = run([](auto&&... arguments) { return at::linear(arguments...); });
        for (std::size_t i = 0; i < ours.size(); ++i) {
          EXPECT_EQ(ours[i].sizes(), theirs[i].sizes());
          const double scale = 1 + theirs[i].abs().max().item<double>();
          EXPECT_LT(max_difference(ours[i], theirs[i]), kTolerance * scale);
        }
      }
}

TEST(Linear, WithoutGradientsItIsTheSame) {
  at::manual_seed(2);
  const at::Tensor x = at::randn({40, 300});
  const at::Tensor weight = at::randn({384, 300});
  const at::Tensor bias = at::randn({384});
  const at::Tensor recorded = by_onednn(leaf(x), weight, bias).detach();
  const at::Tensor plain = by_onednn(x, weight, bias);
  EXPECT_FALSE(plain.requires_grad());
  EXPECT_TRUE(plain.equal(recorded));
  {
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(by_onednn(leaf(x), weight, bias).equal(recorded));
  }
  const c10::InferenceMode inference;
  const at::Tensor y = by_onednn(x, weight, bias);
  EXPECT_TRUE(y.is_inference());
  EXPECT_TRUE(y.equal(recorded));
}

TEST(Linear, OnlyABiasMayBeTrained) {
  const at::Tensor weight = at::randn({384, 300});
  const at::Tensor bias = leaf(at::randn({384}));
  const at::Tensor y = by_onednn(at::randn({6, 4, 300}), weight, bias);
  EXPECT_TRUE(is_onednn(y));
  y.sum().backward();
  EXPECT_TRUE(bias.grad().equal(at::full({384}, 24.0)));
}

TEST(Linear, HasASecondDerivative) {
  at::manual_seed(3);
  const at::Tensor weight = at::randn({384, 300});
  const at::Tensor x = leaf(at::randn({24, 300}));
  const auto second = [&](auto&& multiply) {
    const at::Tensor loss = multiply(x, weight, OptionalTensor()).pow(3).sum();
    const at::Tensor slope = torch::autograd::grad({loss}, {x}, {}, true, true)[0];
    return torch::autograd::grad({slope.square().mean()}, {x})[0];
  };
  const at::Tensor expected = second([](auto&&... arguments) { return at::linear(arguments...); });
  EXPECT_LT(max_difference(second(by_onednn), expected) / expected.abs().max().item<double>(),
            1e-4);
}

/// What oneDNN does not do, or not better, is libtorch's to the bit and to the gradient.
TEST(Linear, TheRestIsLibtorchs) {
  at::manual_seed(4);
  const at::Tensor x = at::randn({32, 300});
  const at::Tensor weight = at::randn({384, 300});
  const at::Tensor bias = at::randn({384});
  ASSERT_TRUE(is_onednn(by_onednn(leaf(x), weight, bias)));
  struct Other {
    std::string what;
    at::Tensor x;
    at::Tensor weight;
    OptionalTensor bias;
  };
  const std::vector<Other> others{
      {"few rows", at::randn({15, 300}), at::randn({4096, 300}), std::nullopt},
      {"small", at::randn({20, 30}), at::randn({50, 30}), at::randn({50})},
      {"one dimension", at::randn({300}), weight, bias},
      {"a vector of weights", x, at::randn({300}), std::nullopt},
      {"no rows", at::randn({0, 300}), weight, bias},
      {"no features", at::randn({32, 0}), at::randn({384, 0}), bias},
      {"double", x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble)},
      {"bfloat16", x.to(at::kBFloat16), weight.to(at::kBFloat16), bias.to(at::kBFloat16)},
      {"trained weight", x, leaf(weight), bias},
      {"expanded weight", x, at::randn({1, 300}).expand({384, 300}), bias},
      {"a part of a weight", x, at::randn({384, 400}).narrow(1, 50, 300), bias},
      {"one bias", x, weight, at::randn({1})},
  };
  for (const Other& other : others) {
    SCOPED_TRACE(other.what);
    const at::Tensor y = by_onednn(leaf(other.x), other.weight, other.bias);
    EXPECT_FALSE(is_onednn(y));
    EXPECT_TRUE(y.requires_grad());
    EXPECT_TRUE(y.equal(at::linear(other.x, other.weight, other.bias)));
  }
  EXPECT_THROW(by_onednn(x, weight, bias.to(at::kDouble)), c10::Error);
  EXPECT_THROW(by_onednn(x, at::randn({384, 301}), bias), c10::Error);
  const at::Tensor meta = by_onednn(x.to(at::kMeta), weight.to(at::kMeta), bias.to(at::kMeta));
  EXPECT_EQ(meta.sizes(), at::IntArrayRef({32, 384}));
}

TEST(Linear, AutocastLowersItAsItDoesLibtorchs) {
  const at::Tensor x = at::randn({32, 300});
  const at::Tensor weight = at::randn({384, 300});
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor y = by_onednn(x, weight, std::nullopt);
  const at::Tensor expected = at::linear(x, weight);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(y.equal(expected));
}

TEST(Linear, TheOperatorChoosesOnce) {
  at::manual_seed(5);
  const at::Tensor x = leaf(at::randn({64, 512}));
  const at::Tensor weight = at::randn({512, 512});
  const at::Tensor y = functional::linear(x, weight);
  const LinearBackend chosen = linear_backend();
  EXPECT_NE(chosen, LinearBackend::kAuto);
  EXPECT_EQ(is_onednn(y), chosen == LinearBackend::kOneDnn);
  EXPECT_TRUE(y.equal(linear(x, weight, std::nullopt, chosen)));
  EXPECT_EQ(json::parse(build_info())["linear"], linear_backend_name(chosen));
}

TEST(Linear, BackendsHaveNames) {
  for (const auto backend : {LinearBackend::kAuto, LinearBackend::kBlas, LinearBackend::kOneDnn})
    EXPECT_EQ(linear_backend_by_name(linear_backend_name(backend)), backend);
  expect_error(Status::kInvalidArgument, {"OFT_LINEAR", "\"mkl\"", "auto, blas or onednn"},
               [] { linear_backend_by_name("mkl"); });
}

TEST(Linear, TheVariableDecidesForTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";  // in a process that has not read it yet
  for (const std::string name : {"blas", "onednn", "mkl"}) {
    const auto run = [&] {
      ::setenv("OFT_LINEAR", name.c_str(), 1);
      try {
        const at::Tensor y = functional::linear(leaf(at::ones({64, 512})), at::ones({512, 512}));
        const bool as_wanted =
            linear_backend() == linear_backend_by_name(name) && is_onednn(y) == (name == "onednn");
        std::exit(as_wanted ? 0 : 1);
      } catch (const Error& error) {
        std::exit(error.status() == Status::kInvalidArgument ? 2 : 3);
      }
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(name == "mkl" ? 2 : 0), "") << name;
  }
}

TEST(Linear, ServesTorchScript) {
  at::manual_seed(6);
  const auto graph = std::make_shared<torch::jit::Graph>();
  torch::jit::parseIR(R"(graph(%x : Tensor, %weight : Tensor, %bias : Tensor?):
  %y : Tensor = oft::linear(%x, %weight, %bias)
  return (%y))",
                      graph.get());
  torch::jit::GraphFunction function("linear", graph, nullptr);
  const at::Tensor weight = at::randn({384, 300});
  for (int run = 0; run < 3; ++run) {  // the executor profiles, then rewrites
    const at::Tensor x = leaf(at::randn({20 + run, 300}));
    const at::Tensor y = function({x, weight, c10::IValue()}).toTensor();
    EXPECT_TRUE(y.equal(functional::linear(x, weight)));
    y.sum().backward();
    EXPECT_LT(max_difference(x.grad(), weight.sum(0).expand_as(x)), 1e-3);
  }
}

TEST(Linear, AnyThreadMayUseIt) {
  at::manual_seed(7);
  const at::Tensor x = at::randn({48, 300});
  const at::Tensor weight = at::randn({384, 300});
  const at::Tensor expected = functional::linear(x, weight);
  std::vector<int> differences(4, 0);
  std::vector<std::thread> threads;
  for (int& count : differences)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) count += !functional::linear(x, weight).allclose(expected);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(differences, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace oft
