#include <torch/torch.h>

#include "oft/nn.hpp"
#include "support.hpp"

namespace oft::nn {
namespace {

using namespace oft::testing;

OFTConfig config_of(const json& fields) {
  return OFTConfig::from_json(fields.dump(), ConfigSource::kUser);
}

/// A layer of 24 to 5 features with random parameters.
OFTLinear random_layer(const json& fields, at::ScalarType type = at::kFloat, bool bias = true) {
  torch::nn::Linear base(torch::nn::LinearOptions(24, 5).bias(bias));
  base->to(type);
  OFTLinear layer(base, config_of(fields));
  const at::NoGradGuard no_grad;
  layer->oft_R.normal_(0, 0.1);
  return layer;
}

TEST(OFTLinear, StartsAsTheLinearThatItTakesOver) {
  at::manual_seed(1);
  torch::nn::Linear base(24, 5);
  OFTLinear layer(base, config_of({{"oft_block_size", 8}}));
  EXPECT_EQ(layer->oft_R.sizes(), at::IntArrayRef({3, 28}));
  const at::Tensor x = at::randn({2, 3, 24});
  EXPECT_TRUE(layer(x).allclose(base(x), 1e-6, 1e-6));
}

TEST(OFTLinear, ForwardIsThatOfTheMergedWeight) {
  at::manual_seed(2);
  for (const json& fields :
       std::vector<json>{{{"oft_block_size", 8}},
                         {{"r", 4}, {"block_share", true}},
                         {{"oft_block_size", 6}, {"use_cayley_neumann", true}},
                         {{"oft_block_size", 8}, {"coft", true}, {"eps", 0.1}}})
    for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16})
      for (const bool bias : {true, false}) {
        SCOPED_TRACE(fields.dump());
        OFTLinear layer = random_layer(fields, type, bias);
        layer->eval();
        const at::Tensor x = at::randn({7, 24}).to(type);
        const at::Tensor merged = layer->merged_weight();
        EXPECT_EQ(merged.scalar_type(), type);
        EXPECT_GT(max_difference(merged, layer->weight), 1e-3);
        const at::Tensor expected = at::linear(x, merged, layer->bias).to(at::kDouble);
        const double tolerance = type == at::kDouble ? 1e-13 : type == at::kFloat ? 1e-5 : 0x1p-5;
        EXPECT_TRUE(at::allclose(layer(x).to(at::kDouble), expected, tolerance, tolerance))
            << max_difference(layer(x), expected);
      }
}

TEST(OFTLinear, OnlyTheRotationIsTrained) {
  at::manual_seed(3);
  OFTLinear layer = random_layer({{"oft_block_size", 8}});
  EXPECT_EQ(layer->named_parameters().keys(), std::vector<std::string>{"oft_R"});
  EXPECT_EQ(layer->named_buffers().keys(), (std::vector<std::string>{"weight", "bias"}));
  const at::Tensor norms = layer->weight.norm(2, {1});
  torch::optim::SGD optimizer(layer->parameters(), 0.5);
  const at::Tensor x = at::randn({40, 24});
  const at::Tensor target = random_layer({{"oft_block_size", 8}})(x).detach();
  std::vector<double> losses;
  for (int step = 0; step < 50; ++step) {
    optimizer.zero_grad();
    const at::Tensor loss = at::mse_loss(layer(x), target);
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item<double>());
  }
  EXPECT_LT(losses.back(), 0.8 * losses.front());
  EXPECT_FALSE(layer->weight.grad().defined());
  EXPECT_FALSE(layer->merged_weight().requires_grad());
  EXPECT_LT(max_difference(layer->merged_weight().norm(2, {1}), norms), 1e-5);
}

TEST(OFTLinear, ACloneIsIndependent) {
  at::manual_seed(4);
  OFTLinear layer = random_layer({{"oft_block_size", 8}});
  const at::Tensor x = at::randn({3, 24});
  const at::Tensor before = layer(x);
  OFTLinear copy(std::dynamic_pointer_cast<OFTLinearImpl>(layer->clone()));
  EXPECT_TRUE(copy(x).equal(before));
  {
    const at::NoGradGuard no_grad;
    for (at::Tensor tensor : {copy->weight, copy->bias, copy->oft_R}) tensor.add_(1);
  }
  EXPECT_GT(max_difference(copy(x), before), 0.1);
  EXPECT_TRUE(layer(x).equal(before));
  EXPECT_TRUE(copy->oft_R.requires_grad());
}

TEST(OFTLinear, IsSavedAndLoaded) {
  at::manual_seed(5);
  OFTLinear layer = random_layer({{"oft_block_size", 8}});
  OFTLinear loaded = random_layer({{"oft_block_size", 8}});
  const at::Tensor x = at::randn({3, 24});
  EXPECT_GT(max_difference(loaded(x), layer(x)), 0.1);
  std::stringstream stream;
  torch::save(layer, stream);
  torch::load(loaded, stream);
  EXPECT_TRUE(loaded(x).equal(layer(x)));
}

TEST(OFTLinear, CoftMovesParametersInTrainingOnly) {
  at::manual_seed(6);
  OFTLinear layer = random_layer({{"oft_block_size", 8}, {"coft", true}, {"eps", 0.1}});
  const at::Tensor x = at::randn({3, 24});
  const at::Tensor parameters = layer->oft_R.detach().clone();
  layer->eval();
  const at::Tensor evaluated = layer(x);
  EXPECT_TRUE(layer->oft_R.equal(parameters));
  layer->train();
  EXPECT_LT(max_difference(layer(x), evaluated), 1e-5);
  EXPECT_LT(max_difference(layer->oft_R, project_coft(parameters, 0.1)), 1e-9);
  EXPECT_LT(max_difference(layer->oft_R, parameters * 0.1), 0.05);
}

TEST(OFTLinear, DropoutMakesSomeBlocksTheIdentityInTraining) {
  OFTLinear layer = random_layer({{"oft_block_size", 4}, {"module_dropout", 0.5}}, at::kDouble);
  const at::Tensor x = at::randn({64, 24}, at::kDouble);
  const auto blocks = [&] {  // those of x R whose columns differ from x
    layer->weight.set_data(at::eye(24, at::kDouble));
    layer->bias.set_data(at::zeros({24}, at::kDouble));
    return (layer(x) - x).reshape({64, 6, 4}).abs().amax({0, 2}) > 1e-12;
  };
  at::manual_seed(7);
  const at::Tensor first = blocks();
  EXPECT_EQ(first.sum().item<std::int64_t>(), 3);
  bool changes = false;
  for (int i = 0; i < 8; ++i) changes |= !blocks().equal(first);
  EXPECT_TRUE(changes);
  at::manual_seed(7);
  EXPECT_TRUE(blocks().equal(first));
  layer->eval();
  EXPECT_EQ(blocks().sum().item<std::int64_t>(), 6);
}

TEST(OFTLinear, StartsAtRandomWhereAsked) {
  at::manual_seed(8);
  const torch::nn::Linear base(64, 5);
  const OFTLinear layer(base, config_of({{"oft_block_size", 32}, {"init_weights", false}}));
  EXPECT_NEAR(layer->oft_R.std().item<double>(), 0.1, 0.01);
}

TEST(OFTLinear, WhatDoesNotFitIsNamed) {
  torch::nn::Linear base(24, 5);
  OFTConfig config = config_of({{"oft_block_size", 8}});
  config.module_dropout = 2;
  expect_error(Status::kInvalidArgument, {"module_dropout"}, [&] { OFTLinear(base, config); });
  base->to(at::kComplexFloat);
  expect_error(Status::kInvalidArgument, {"complex64", "float16"}, [&] {
    OFTLinear(base, config_of({{"oft_block_size", 8}}));
  });
}

}  // namespace
}  // namespace oft::nn
