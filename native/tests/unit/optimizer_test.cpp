#include "optimizer.hpp"

#include <torch/optim/adamw.h>
#include <torch/optim/serialize.h>
#include <torch/serialize.h>

#include <fstream>

#include "core_support.hpp"
#include "gradients.hpp"
#include "json_text.hpp"

namespace oft {
namespace {

using namespace testing;

/// Two tensors and a loss that is no sum over their elements.
struct Problem {
  Problem() {
    at::manual_seed(7);
    tensors = {at::randn({3, 4}, at::kDouble).requires_grad_(),
               at::randn({4, 2}, at::kDouble).requires_grad_()};
    target = at::randn({3, 2}, at::kDouble);
  }

  double step(Optimizer& optimizer) const {
    optimizer.zero_grad();
    const at::Tensor loss = (tensors[0].matmul(tensors[1]).tanh() - target).square().mean();
    backward(loss, {}, /*retain_graph=*/false);
    optimizer.step();
    return loss.item<double>();
  }

  std::vector<double> steps(Optimizer& optimizer, int count) const {
    std::vector<double> losses;
    for (int i = 0; i < count; ++i) losses.push_back(step(optimizer));
    return losses;
  }

  std::vector<at::Tensor> tensors;
  at::Tensor target;
};

std::string spec_of(const std::string& type, const std::string& options = "") {
  return R"({"type": ")" + type + R"(", "groups": [{"count": 2)" + options + "}]}";
}

std::unique_ptr<Optimizer> make(const Problem& problem, const std::string& type,
                                const std::string& options = "") {
  return Optimizer::create(spec_of(type, options), problem.tensors);
}

struct Variant {
  std::string type;
  std::string options;
};

const std::vector<Variant> kVariants{
    {"AdamW", R"(, "lr": 0.05)"},
    {"AdamW", R"(, "lr": 0.05, "betas": [0.8, 0.9], "eps": 1e-6, "amsgrad": true)"},
    {"Adam", R"(, "lr": 0.05, "weight_decay": 0.01)"},
    {"SGD", R"(, "lr": 0.5)"},
    {"SGD", R"(, "lr": 0.5, "momentum": 0.9, "nesterov": true)"},
    {"Adagrad", R"(, "lr": 0.2, "lr_decay": 0.01)"},
    {"RMSprop", R"(, "lr": 0.02, "alpha": 0.9, "momentum": 0.5, "centered": true)"},
};

class OptimizerFile : public FolderTest {
 protected:
  fs::path file_ = folder_ / "state.pt";
};

TEST(Optimizer, LowersALoss) {
  for (const Variant& variant : kVariants) {
    SCOPED_TRACE(variant.type + variant.options);
    const Problem problem;
    const auto optimizer = make(problem, variant.type, variant.options);
    const std::vector<double> losses = problem.steps(*optimizer, 30);
    EXPECT_LT(losses.back(), 0.8 * losses.front());
  }
}

TEST_F(OptimizerFile, ContinuesToTheBitAfterSaveAndLoad) {
  for (const Variant& variant : kVariants) {
    SCOPED_TRACE(variant.type + variant.options);
    const Problem whole;
    const auto uninterrupted = make(whole, variant.type, variant.options);
    const std::vector<double> expected = whole.steps(*uninterrupted, 10);

    const Problem halves;
    const auto first = make(halves, variant.type, variant.options);
    std::vector<double> losses = halves.steps(*first, 5);
    first->save(file_);
    const auto second = make(halves, variant.type);
    second->load(file_);
    EXPECT_EQ(second->to_json(), first->to_json());
    for (const double loss : halves.steps(*second, 5)) losses.push_back(loss);

    EXPECT_EQ(losses, expected);
    for (std::size_t i = 0; i < whole.tensors.size(); ++i)
      EXPECT_TRUE(at::equal(halves.tensors[i], whole.tensors[i]));
  }
}

TEST_F(OptimizerFile, LibtorchLoadsItToo) {
  const Problem problem;
  const auto optimizer = make(problem, "AdamW", R"(, "lr": 0.25)");
  problem.steps(*optimizer, 3);
  optimizer->save(file_);

  torch::optim::AdamW theirs(problem.tensors);
  torch::load(theirs, file_.string());
  EXPECT_EQ(theirs.param_groups()[0].options().get_lr(), 0.25);
  EXPECT_EQ(theirs.state().size(), 2U);
}

TEST(Optimizer, GroupsHaveOptionsOfTheirOwn) {
  const Problem problem;
  const auto optimizer = Optimizer::create(
      R"({"type": "SGD", "groups": [{"count": 1, "lr": 0}, {"count": 1, "lr": 1}]})",
      problem.tensors);
  const at::Tensor first = problem.tensors[0].detach().clone();
  const at::Tensor second = problem.tensors[1].detach().clone();
  problem.step(*optimizer);
  EXPECT_TRUE(at::equal(problem.tensors[0], first));
  EXPECT_TRUE(at::allclose(problem.tensors[1], second - problem.tensors[1].grad()));

  optimizer->set_options(1, R"({"lr": 0})");
  const at::Tensor before = problem.tensors[1].detach().clone();
  problem.step(*optimizer);
  EXPECT_TRUE(at::equal(problem.tensors[1], before));
}

TEST(Optimizer, JsonHoldsEveryOptionAndMakesTheSameOptimizer) {
  const Problem problem;
  const std::vector<std::pair<std::string, std::string>> expected{
      {"AdamW", R"({"type":"AdamW","groups":[{"count":2,"lr":0.001,"betas":[0.9,0.999],)"
                R"("eps":1e-08,"weight_decay":0.01,"amsgrad":false}]})"},
      {"Adam", R"({"type":"Adam","groups":[{"count":2,"lr":0.001,"betas":[0.9,0.999],)"
               R"("eps":1e-08,"weight_decay":0.0,"amsgrad":false}]})"},
      {"SGD", R"({"type":"SGD","groups":[{"count":2,"lr":0.001,"momentum":0.0,)"
              R"("dampening":0.0,"weight_decay":0.0,"nesterov":false}]})"},
      {"Adagrad", R"({"type":"Adagrad","groups":[{"count":2,"lr":0.01,"lr_decay":0.0,)"
                  R"("weight_decay":0.0,"eps":1e-10}]})"},
      {"RMSprop", R"({"type":"RMSprop","groups":[{"count":2,"lr":0.01,"alpha":0.99,)"
                  R"("eps":1e-08,"weight_decay":0.0,"momentum":0.0,"centered":false}]})"},
  };
  for (const auto& [type, json] : expected) {
    EXPECT_EQ(make(problem, type)->to_json(), json);
    EXPECT_EQ(Optimizer::create(json, problem.tensors)->to_json(), json);
  }
  // libtorch's SGDOptions(1) would have 1 for its default and take the optimizer's instead.
  expect_contains(make(problem, "SGD", R"(, "lr": 1)")->to_json(), {R"("lr":1.0)"});
}

TEST(Optimizer, BadSpecsNameKeyValueAndRemedy) {
  const Problem problem;
  const auto expect = [&](const std::string& spec, const std::vector<std::string>& parts,
                          Status status = Status::kInvalidArgument) {
    SCOPED_TRACE(spec);
    expect_error(status, parts, [&] { Optimizer::create(spec, problem.tensors); });
  };
  expect("{", {"optimizer spec"}, Status::kParse);
  expect("[]", {"must be a JSON object"}, Status::kParse);
  expect(spec_of("SGD", R"(, "lr": NaN)"), {"NaN"}, Status::kParse);
  expect("{}", {"spec.type", "null", "'AdamW', 'Adam', 'SGD', 'Adagrad', 'RMSprop'"});
  expect(spec_of("Adamw"), {"\"Adamw\"", "'AdamW'"});
  expect(R"({"type": "SGD", "groups": [{"count": 2}], "lr": 1})", {"spec.lr", "groups"});
  expect(R"({"type": "SGD"})", {"\"groups\""});
  expect(R"({"type": "SGD", "groups": []})", {"\"groups\""});
  expect(R"({"type": "SGD", "groups": [2]})", {"groups[0]", "must be an object"});
  expect(R"({"type": "SGD", "groups": [{}]})", {"groups[0]", "\"count\""});
  expect(R"({"type": "SGD", "groups": [{"count": 0}]})", {"groups[0].count", "0", "from 1 on"});
  expect(R"({"type": "SGD", "groups": [{"count": -1}]})", {"groups[0].count", "-1"});
  expect(R"({"type": "SGD", "groups": [{"count": 1}]})", {"add up to 1", "2 tensors"});
  expect(R"({"type": "SGD", "groups": [{"count": 1}, {"count": 18446744073709551615}]})",
         {"groups[1].count", "18446744073709551615", "1 tensors that are left"});
  expect(spec_of("SGD", R"(, "lr": -0.1)"), {"groups[0].lr", "-0.1", "0 or more"});
  expect(spec_of("SGD", R"(, "lr": "fast")"), {"groups[0].lr", "\"fast\"", "must be a number"});
  expect(spec_of("SGD", R"(, "betas": [0.9, 0.99])"), {"groups[0].betas", "'momentum'"});
  expect(spec_of("SGD", R"(, "nesterov": true)"), {"nesterov", "momentum above 0"});
  expect(spec_of("AdamW", R"(, "betas": [0.9])"), {"betas", "[0.9]", "two numbers"});
  expect(spec_of("AdamW", R"(, "betas": [0.9, 1])"), {"betas", "less than 1"});
  expect(spec_of("AdamW", R"(, "amsgrad": 1)"), {"amsgrad", "true or false"});
  expect(spec_of("AdamW", R"(, "learning_rate": 1)"), {"learning_rate", "'lr'", "'amsgrad'"});
}

TEST(Optimizer, RefusesTensorsThatItCannotTrain) {
  const at::Tensor leaf = at::zeros({2}).requires_grad_();
  const auto expect = [&](const at::Tensor& tensor, const std::vector<std::string>& parts) {
    expect_error(Status::kInvalidArgument, parts, [&] {
      Optimizer::create(spec_of("AdamW"), {leaf, tensor});
    });
  };
  expect(leaf * 2, {"tensor 1 [2]", "result of a recorded operation"});
  expect(at::zeros({3}), {"tensor 1 [3]", "does not require gradients"});
  expect(leaf, {"tensor 1 [2]", "twice"});
}

TEST(Optimizer, ChangesOfOptionsAreWholeOrNotAtAll) {
  const Problem problem;
  const auto optimizer = make(problem, "RMSprop");
  const std::string before = optimizer->to_json();
  const auto expect = [&](std::size_t group, const std::string& options,
                          const std::vector<std::string>& parts,
                          Status status = Status::kInvalidArgument) {
    SCOPED_TRACE(options);
    expect_error(status, parts, [&] { optimizer->set_options(group, options); });
    EXPECT_EQ(optimizer->to_json(), before);
  };
  expect(1, "{}", {"has 1 groups", "no group 1"});
  expect(0, "7", {"optimizer options"}, Status::kParse);
  expect(0, R"({"lr": 0.5, "alpha": -1})", {"groups[0].alpha", "-1"});
  expect(0, R"({"count": 2})", {"groups[0].count"});

  problem.step(*optimizer);
  expect(0, R"({"lr": 0.5, "centered": true})", {"centered", "first step"});
  expect(0, R"({"momentum": 0.5})", {"momentum", "first step"});
  optimizer->set_options(0, R"({"lr": 0.5})");
  problem.step(*optimizer);
}

TEST_F(OptimizerFile, RefusesTheStateOfAnother) {
  const Problem problem;
  const auto saved = make(problem, "AdamW", R"(, "lr": 0.5)");
  problem.steps(*saved, 2);
  saved->save(file_);

  const auto expect_refusal = [&](Optimizer& optimizer, const std::vector<std::string>& parts) {
    const std::string before = optimizer.to_json();
    expect_error(Status::kInvalidArgument, parts, [&] { optimizer.load(file_); });
    EXPECT_EQ(optimizer.to_json(), before);
  };
  expect_refusal(*make(problem, "Adam"), {"state.pt", "AdamW", "Adam"});
  const std::vector<at::Tensor> others{at::zeros({3, 4}, at::kDouble).requires_grad_(),
                                       at::zeros({4, 3}, at::kDouble).requires_grad_()};
  expect_refusal(*Optimizer::create(spec_of("AdamW"), others), {"[4, 2]", "[4, 3]"});
  expect_refusal(*Optimizer::create(R"({"type": "AdamW", "groups": [{"count": 1}, {"count": 1}]})",
                                    problem.tensors),
                 {"float64 [3, 4]"});
}

TEST_F(OptimizerFile, DamagedFilesChangeNothing) {
  const Problem problem;
  const auto optimizer = make(problem, "AdamW");
  problem.step(*optimizer);
  optimizer->save(file_);
  std::ifstream in(file_, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  problem.step(*optimizer);
  const std::string before = optimizer->to_json();
  expect_error(Status::kNotFound, {"none.pt"}, [&] { optimizer->load(folder_ / "none.pt"); });
  int refused = 0;
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    std::ofstream(file_, std::ios::binary) << whole.substr(0, size);
    expect_error(Status::kParse, {"state.pt"}, [&] { optimizer->load(file_); });
    ++refused;
  }
  EXPECT_GE(refused, 10);
  EXPECT_EQ(optimizer->to_json(), before);

  std::ofstream(file_, std::ios::binary) << whole;
  optimizer->load(file_);
}

TEST_F(OptimizerFile, SavesAtomically) {
  const Problem problem;
  const auto optimizer = make(problem, "SGD");
  expect_error(Status::kIo, {"missing"}, [&] { optimizer->save(folder_ / "missing" / "s.pt"); });
  optimizer->save(file_);
  optimizer->save(file_);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST(Gradients, ClipScalesToOneCommonNorm) {
  const at::Tensor a = at::zeros({2}).requires_grad_();
  const at::Tensor b = at::zeros({1}).requires_grad_();
  const at::Tensor without = at::zeros({5}).requires_grad_();
  const auto give = [&] {
    a.mutable_grad() = at::tensor({3.0F, 0.0F});
    b.mutable_grad() = at::tensor({4.0F});
  };
  give();
  EXPECT_DOUBLE_EQ(clip_gradients({a, without, b}, 10), 5);
  EXPECT_TRUE(at::equal(a.grad(), at::tensor({3.0F, 0.0F})));
  EXPECT_DOUBLE_EQ(clip_gradients({a, b}, 1), 5);
  EXPECT_TRUE(at::allclose(a.grad(), at::tensor({0.6F, 0.0F}), 1e-6));
  EXPECT_TRUE(at::allclose(b.grad(), at::tensor({0.8F}), 1e-6));
  EXPECT_DOUBLE_EQ(clip_gradients({without}, 1), 0);

  give();
  b.mutable_grad().fill_(std::numeric_limits<float>::infinity());
  expect_error(Status::kInvalidArgument, {"inf"}, [&] { clip_gradients({a, b}, 1); });
  EXPECT_TRUE(at::equal(a.grad(), at::tensor({3.0F, 0.0F})));
  expect_error(Status::kInvalidArgument, {"max_norm is -1"}, [&] { clip_gradients({a}, -1); });
  expect_error(Status::kInvalidArgument, {"max_norm is nan"},
               [&] { clip_gradients({a}, std::nan("")); });
}

TEST(Gradients, WhatCannotBeAskedForIsAnError) {
  const at::Tensor leaf = at::ones({2}).requires_grad_();
  const at::Tensor doubled = leaf * 2;
  expect_error(Status::kInvalidState, {"recorded"}, [&] { set_requires_grad(doubled, false); });
  expect_error(Status::kInvalidArgument, {"int64"},
               [&] { set_requires_grad(at::zeros({2}, at::kLong), true); });
  expect_error(Status::kInvalidState, {"nothing was recorded"},
               [&] { backward(at::ones({}), {}, false); });
  expect_error(Status::kInvalidArgument, {"[2]", "one number"},
               [&] { backward(doubled, {}, false); });
  expect_error(Status::kInvalidArgument, {"[3]", "[2]"},
               [&] { backward(doubled, at::ones({3}), false); });

  const at::Tensor sum = doubled.square().sum();
  backward(sum, {}, /*retain_graph=*/true);
  backward(sum, {}, /*retain_graph=*/false);
  EXPECT_TRUE(at::equal(gradient_of(leaf), at::full({2}, 16.0)));
  expect_error(Status::kInvalidState, {"second time"}, [&] { backward(sum, {}, false); });
  EXPECT_FALSE(gradient_of(doubled).defined());
}

}  // namespace
}  // namespace oft
