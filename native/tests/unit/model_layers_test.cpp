#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>

#include "model_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// One layer as a network, under the name "layer".
template <typename Inner>
struct SingleImpl : torch::nn::Module {
  explicit SingleImpl(Inner module) : layer(module) { register_module("layer", layer); }
  at::Tensor forward(const at::Tensor& x) { return layer->forward(x); }
  Inner layer;
};

template <typename Inner>
TestNetwork single(Inner module, const at::Tensor& input, at::ScalarType dtype = at::kFloat) {
  auto network = std::make_shared<SingleImpl<Inner>>(module);
  network->to(dtype);
  return nn_network(network, input.is_floating_point() ? input.to(dtype) : input);
}

using torch::nn::Conv1d;
using torch::nn::Conv1dOptions;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::Embedding;
using torch::nn::EmbeddingOptions;
using torch::nn::Linear;

struct LayerCase {
  std::string name;
  std::function<TestNetwork(at::ScalarType)> make;
  Names names;
  std::int64_t block_size;
};

void PrintTo(const LayerCase& item, std::ostream* out) { *out << item.name; }

TestNetwork script_of(const std::string& name, const at::Tensor& input, at::ScalarType dtype) {
  torch::jit::Module module = load_test_script(name);
  module.to(dtype);
  return script_network(module, input.is_floating_point() ? input.to(dtype) : input);
}

std::vector<LayerCase> layer_cases() {
  const auto conv2d = [](const Conv2dOptions& options) {
    return [options](at::ScalarType dtype) {
      return single(Conv2d(options), at::randn({2, options.in_channels(), 7, 6}), dtype);
    };
  };
  const auto conv1d = [](const Conv1dOptions& options) {
    return [options](at::ScalarType dtype) {
      return single(Conv1d(options), at::randn({2, options.in_channels(), 9}), dtype);
    };
  };
  const auto image = [](at::ScalarType dtype, const char* name) {
    return script_of(name, at::randn({2, 8, 12, 10}), dtype);
  };
  const Names convolutions{"padded",  "pointwise", "strided",     "oblong",
                           "dilated", "line",      "grouped_line"};
  const auto ids = [] { return at::randint(20, {3, 5}, at::kLong); };
  return {
      {"Linear",
       [](auto dtype) {
         return single(Linear(16, 8), at::randn({5, 16}), dtype);
       },
       {"layer"},
       4},
      {"LinearOfFourDimensions",
       [](auto dtype) {
         return single(Linear(16, 8), at::randn({2, 3, 5, 16}), dtype);
       },
       {"layer"},
       4},
      {"Conv2d", conv2d(Conv2dOptions(4, 6, 3).padding(1)), {"layer"}, 6},
      {"Pointwise", conv2d(Conv2dOptions(8, 6, 1)), {"layer"}, 4},
      {"Strided", conv2d(Conv2dOptions(4, 6, 3).stride(2)), {"layer"}, 6},
      {"Oblong", conv2d(Conv2dOptions(4, 6, {1, 3}).padding({0, 1})), {"layer"}, 6},
      {"Dilated", conv2d(Conv2dOptions(4, 6, 3).dilation({1, 2})), {"layer"}, 6},
      {"Grouped", conv2d(Conv2dOptions(8, 12, 3).groups(4)), {"layer"}, 6},
      {"Depthwise", conv2d(Conv2dOptions(8, 16, 3).groups(8)), {"layer"}, 3},
      {"Conv1d", conv1d(Conv1dOptions(4, 6, 3).padding(1)), {"layer"}, 6},
      {"GroupedConv1d", conv1d(Conv1dOptions(4, 6, 3).groups(2)), {"layer"}, 3},
      {"Embedding",
       [ids](auto dtype) {
         return single(Embedding(EmbeddingOptions(20, 16).padding_idx(0)), ids(), dtype);
       },
       {"layer"},
       4},
      {"ScriptedMlp", [](auto dtype) { return mlp(Holder::kScript, dtype); }, {"fc1", "head"}, 8},
      {"ScriptedConvolutions", [image](auto dtype) { return image(dtype, "conv_scripted"); },
       convolutions, 4},
      {"TracedConvolutions", [image](auto dtype) { return image(dtype, "conv_traced"); },
       convolutions, 4},
      {"ScriptedGroups",
       [image](auto dtype) { return image(dtype, "conv_scripted"); },
       {"grouped", "depthwise"},
       9},
      {"ScriptedEmbedding",
       [ids](auto dtype) { return script_of("embedding_scripted", ids(), dtype); },
       {"tokens", "head"},
       4},
      {"ScriptedConv1D",
       [](auto dtype) {
         return script_of("conv1d_scripted", at::randn({5, 16}), dtype);
       },
       {"c_attn", "c_proj"},
       4},
      {"ScriptedAttention",
       [](auto dtype) {
         return script_of("attention_scripted", at::randn({2, 5, 32}), dtype);
       },
       {"attention.out_proj", "up", "down"},
       8},
      {"TracedAttention",
       [](auto dtype) {
         return script_of("attention_traced", at::randn({2, 5, 32}), dtype);
       },
       {"attention.out_proj", "up", "down"},
       8},
      {"SharedUnderTwoNames",
       [](auto dtype) {
         return script_of("shared_scripted", at::randn({5, 16}), dtype);
       },
       {"first"},
       4},
      {"Tied",
       [ids](auto dtype) { return script_of("tied_scripted", ids(), dtype); },
       {"tokens", "lm_head"},
       4},
  };
}

std::vector<std::pair<std::string, OFTConfig>> variants(const LayerCase& item) {
  const OFTConfig exact = targets(item.names, item.block_size);
  OFTConfig neumann = exact;
  neumann.use_cayley_neumann = true;
  OFTConfig legacy = neumann;
  legacy.peft_version.reset();
  OFTConfig shared = exact;
  shared.block_share = true;
  OFTConfig coft = exact;
  coft.coft = true;
  coft.eps = 0.3;
  OFTConfig all = neumann;
  all.coft = all.block_share = true;
  all.eps = 0.3;
  return {{"exact", exact},   {"neumann", neumann}, {"legacy", legacy},
          {"shared", shared}, {"coft", coft},       {"all", all}};
}

class ModelLayersTest : public ::testing::TestWithParam<LayerCase> {};

INSTANTIATE_TEST_SUITE_P(Layers, ModelLayersTest, ::testing::ValuesIn(layer_cases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(ModelLayersTest, IsTheBaseAtFirstAndEqualsItsMergeAfterwards) {
  for (const auto& [name, config] : variants(GetParam())) {
    SCOPED_TRACE(name);
    at::manual_seed(50);
    const TestNetwork network = GetParam().make(at::kDouble);
    const at::Tensor base = run_plain(network);
    OFTModel model(network.tree, config);
    EXPECT_LT(max_difference(run(model, network), base), 1e-12);
    randomize(model);
    const at::Tensor adapted = run(model, network);
    EXPECT_GT(max_difference(adapted, base), 1e-5);
    model.merge_adapter();
    EXPECT_LT(max_difference(run(model, network), adapted), 1e-12);
    model.unmerge_adapter();
    EXPECT_TRUE(run(model, network).equal(adapted));
    EXPECT_LT(max_difference(run_tree(model.merge_and_unload(), network), adapted), 1e-12);
  }
}

TEST_P(ModelLayersTest, LosesNoMoreThanItsType) {
  const std::vector<std::pair<at::ScalarType, double>> types{
      {at::kFloat, 1e-5}, {at::kHalf, 1e-2}, {at::kBFloat16, 8e-2}};
  for (const auto& [type, bound] : types) {
    SCOPED_TRACE(c10::toString(type));
    at::manual_seed(50);
    const TestNetwork exact = GetParam().make(at::kDouble);
    at::manual_seed(50);
    const TestNetwork network = GetParam().make(type);
    const OFTConfig config = targets(GetParam().names, GetParam().block_size);
    OFTModel reference(exact.tree, config);
    OFTModel model(network.tree, config);
    randomize(reference);
    const auto parameters = model.layer_parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_EQ(parameters[i].value.scalar_type(), at::kFloat);
      parameters[i].value.copy_(reference.layer_parameters()[i].value);
    }
    const at::Tensor expected = run(reference, exact);
    const at::Tensor adapted = run(model, network);
    EXPECT_EQ(adapted.scalar_type(), type);
    const double scale = std::max(1.0, expected.abs().max().item<double>());
    EXPECT_LT(max_difference(adapted, expected), bound * scale);
    model.merge_adapter();
    EXPECT_LT(max_difference(run(model, network), expected), bound * scale);
  }
}

TEST(ModelLayers, GroupsKeepToThemselves) {
  at::manual_seed(51);
  const TestNetwork network =
      single(Conv2d(Conv2dOptions(4, 6, 3).groups(2).bias(false)), at::randn({1, 4, 5, 5}));
  OFTModel model(network.tree, targets({"layer"}, 9));
  randomize(model);
  const at::Tensor whole = run(model, network);
  const torch::NoGradGuard no_grad;
  at::Tensor half = network.input.clone();
  half.narrow(1, 2, 2).zero_();
  const Activation active = model.activate();
  const at::Tensor output = network.forward(active, half);
  EXPECT_TRUE(output.narrow(1, 0, 3).equal(whole.narrow(1, 0, 3)));
  EXPECT_TRUE(output.narrow(1, 3, 3).eq(0).all().item<bool>());
}

TEST(ModelLayers, BlocksThatMixGroupsAreRefused) {
  const TestNetwork network =
      single(Conv2d(Conv2dOptions(8, 8, 3).groups(4)), at::randn({1, 8, 5, 5}));
  expect_error(Status::kInvalidArgument,
               {"layer 'layer'", "blocks of 24", "4 groups", "18 inputs", "nearest divisors 18"},
               [&] { OFTModel(network.tree, targets({"layer"}, 24)); });
  expect_error(Status::kInvalidArgument, {"blocks of 8", "nearest divisors 6, 9"},
               [&] { OFTModel(network.tree, targets({"layer"}, 8)); });
}

TEST(ModelLayers, OneThatDoesNotFitLeavesAllAsTheyWere) {
  const TestNetwork network = script_of("conv_scripted", at::randn({2, 8, 12, 10}), at::kFloat);
  const at::Tensor base = run_plain(network);
  OFTModel model(network.tree, targets({"padded"}, 4));
  randomize(model);
  const at::Tensor adapted = run(model, network);
  expect_error(Status::kInvalidArgument, {"layer 'grouped'"}, [&] {
    model.add_adapter("second", targets({"padded", "strided", "grouped"}, 16));
  });
  expect_error(Status::kInvalidArgument, {"upsampled", "ConvTranspose1d"}, [&] {
    model.add_adapter("second", targets({"line", "upsampled"}, 4));
  });
  EXPECT_EQ(model.adapter_names(), Names({"default"}));
  EXPECT_TRUE(run(model, network).equal(adapted));
  EXPECT_TRUE(run(model, network, Names{}).equal(base));
}

TEST(ModelLayers, TiedWeightsAreUntiedByAMerge) {
  const at::Tensor ids = at::arange(10, at::kLong).reshape({2, 5});
  const TestNetwork network = script_of("tied_scripted", ids, at::kFloat);
  OFTModel model(network.tree, targets({"tokens"}, 4));
  randomize(model);
  const at::Tensor adapted = run(model, network);
  const auto before = copies_of(*network.tree);
  const auto merged = model.merge_and_unload();
  EXPECT_LT(max_difference(run_tree(merged, network), adapted), 2e-6);
  const auto tensors = parameters_of(*merged);
  EXPECT_FALSE(tensors.at("tokens.weight").equal(before.at("tokens.weight")));
  EXPECT_TRUE(tensors.at("lm_head.weight").equal(before.at("lm_head.weight")));
}

TEST(ModelLayers, Conv1DIsSavedAsSuch) {
  const TestNetwork network = script_of("conv1d_scripted", at::randn({5, 16}), at::kFloat);
  const OFTModel model(network.tree, targets({"c_attn", "c_proj"}, 4));
  EXPECT_TRUE(model.adapter("default").config.fan_in_fan_out);
  OFTConfig config = targets({"fc1"});
  config.fan_in_fan_out = true;
  const OFTModel linear(mlp(Holder::kScript).tree, config);
  EXPECT_FALSE(linear.adapter("default").config.fan_in_fan_out);
}

TEST(ModelLayers, LayersOfDifferentTypesHaveParametersOfTheirOwn) {
  torch::jit::Module module = load_test_script("mlp_scripted");
  module.attr("fc1").toModule().to(at::kDouble);
  const TestNetwork network = script_network(module, {});
  const OFTModel model(network.tree, targets({"fc1", "fc2"}));
  const auto parameters = model.named_trainable_parameters();
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(parameters[0].first, "oft_R.default.b8.float64");
  EXPECT_EQ(parameters[0].second.scalar_type(), at::kDouble);
  EXPECT_EQ(parameters[1].first, "oft_R.default.b8.float32");
  EXPECT_EQ(parameters[1].second.scalar_type(), at::kFloat);
}

TEST(ModelLayers, WeightsThatCannotBeRotatedAreNamed) {
  torch::jit::Module module = load_test_script("mlp_scripted");
  torch::jit::Module layer = module.attr("fc2").toModule();
  layer.setattr("weight", layer.attr("weight").toTensor().to(at::kChar));
  expect_error(Status::kUnsupported, {"layer 'fc2'", "int8", "float16"}, [&] {
    OFTModel(script_tree(module), targets({"fc1", "fc2"}));
  });
}

}  // namespace
}  // namespace oft
