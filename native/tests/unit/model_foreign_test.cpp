#include <torch/nn/modules/conv.h>

#include <sstream>

#include "adapter_tensors.hpp"
#include "foreign_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// A network of the Linear and Conv2d modules of a checkpoint, which nothing runs.
std::shared_ptr<torch::nn::Module> network_of(const fs::path& checkpoint) {
  auto root = std::make_shared<torch::nn::Module>("Network");
  for (const auto& [name, weight] : read_adapter_tensors(checkpoint)) {
    std::stringstream path(name.substr(0, name.rfind('.')));
    std::vector<std::string> parts;
    for (std::string part; std::getline(path, part, '.');) parts.push_back(part);
    std::shared_ptr<torch::nn::Module> parent = root;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto children = parent->named_children();
      const auto* child = children.find(parts[i]);
      parent = child != nullptr
                   ? *child
                   : parent->register_module(parts[i], std::make_shared<torch::nn::Module>("Part"));
    }
    const auto shape = weight.sizes();
    if (weight.dim() == 2) {
      torch::nn::Linear layer(torch::nn::LinearOptions(shape[1], shape[0]).bias(false));
      layer->weight.set_data(weight);
      parent->register_module(parts.back(), layer.ptr());
    } else if (weight.dim() == 4) {
      torch::nn::Conv2d layer(
          torch::nn::Conv2dOptions(shape[1], shape[0], {shape[2], shape[3]}).bias(false));
      layer->weight.set_data(weight);
      parent->register_module(parts.back(), layer.ptr());
    }
  }
  return root;
}

struct MakersFile {
  std::string name;
  std::vector<std::string> components;
};

void PrintTo(const MakersFile& file, std::ostream* out) { *out << file.name; }

/// Files that their makers' own formulas were evaluated for, by make_foreign_adapters.py.
class ModelForeignFileTest : public ::testing::TestWithParam<MakersFile> {};

INSTANTIATE_TEST_SUITE_P(
    Makers, ModelForeignFileTest,
    ::testing::Values(MakersFile{"lycoris-diag", {"unet", "text_encoder"}},
                      MakersFile{"lycoris-old", {"unet"}}, MakersFile{"lycoris-boft", {"unet"}},
                      MakersFile{"kohya", {"unet"}}, MakersFile{"kohya-flux", {"transformer"}},
                      MakersFile{"onetrainer", {"unet", "text_encoder"}},
                      MakersFile{"onetrainer-shared", {"unet", "text_encoder"}}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::ranges::replace(name, '-', '_');
      return name;
    });

TEST_P(ModelForeignFileTest, LiveAndMergedWeightsAreItsMakers) {
  const fs::path data = data_dir() / "foreign";
  const std::string stored = GetParam().name + ".safetensors";
  auto rest = read_adapter_tensors(data / "expected" / stored);
  for (const std::string& component : GetParam().components) {
    SCOPED_TRACE(component);
    const fs::path folder = data / "pipeline" / component;
    const auto network =
        network_of(component == "transformer" ? data / "transformer.safetensors"
                   : component == "unet"      ? folder / "diffusion_pytorch_model.safetensors"
                                              : folder / "model.safetensors");
    const auto base = copies_of(*nn_tree(network));
    OFTModel model = OFTModel::from_pretrained(nn_tree(network), data / stored);
    const auto compare = [&](const std::map<std::string, at::Tensor>& weights) {
      std::vector<std::string> turned;
      for (const auto& [name, weight] : weights) {
        const auto wanted = rest.find(component + "." + name);
        if (wanted != rest.end()) turned.push_back(wanted->first);
        EXPECT_LT(max_difference(weight, wanted == rest.end() ? base.at(name) : wanted->second),
                  wanted == rest.end() ? 0x1p-60 : 1e-6)
            << name;
      }
      return turned;
    };
    std::map<std::string, at::Tensor> live;
    {
      const torch::NoGradGuard no_grad;
      const Activation active = model.activate();
      for (const auto& module : network->named_modules("", false)) {
        if (const auto* linear = module.value()->as<torch::nn::LinearImpl>())
          live.emplace(module.key() + ".weight", linear->weight.clone());
        if (const auto* conv = module.value()->as<torch::nn::Conv2dImpl>())
          live.emplace(module.key() + ".weight", conv->weight.clone());
      }
    }
    EXPECT_EQ(live.size(), base.size());
    compare(live);
    const std::vector<std::string> turned =
        compare(parameters_of(*model.merge_and_unload({.safe_merge = true})));
    EXPECT_FALSE(turned.empty());
    for (const std::string& name : turned) rest.erase(name);
  }
  EXPECT_TRUE(rest.empty()) << rest.begin()->first;
}

/// Outputs of all layers of the MLP: in blocks, in parts and by butterflies, with a row scale.
AdapterFile mlp_file() {
  return foreign_file({
      output_layer("fc1", {random_factor(32, 8), random_factor(32, 4, 0, 2)}),
      output_layer("fc2", {random_factor(16, 8), random_factor(16, 4, 16)}),
      output_layer("head", {random_factor(4, 4)}, at::rand({4, 1}) + 0.5),
  });
}

/// Adapters of other makers, the same on whatever holds the model.
class ModelForeignTest : public ::testing::TestWithParam<Holder> {
 protected:
  ModelForeignTest() { at::manual_seed(60); }

  OFTModel make(const std::vector<std::pair<std::string, AdapterFile>>& adapters,
                const OFTModelOptions& options = {}) {
    return foreign_model(network_, adapters, targets({"fc1", "fc2"}), options);
  }

  /// What dense products make of the network.
  at::Tensor expected_of(const AdapterFile& file) {
    std::map<std::string, at::Tensor> weights;
    const auto base = parameters_of(*network_.tree);
    for (const AdapterLayer& layer : file.layers)
      weights[layer.name + ".weight"] =
          turned_weight(file, layer.name, base.at(layer.name + ".weight"));
    return run_with(network_, weights);
  }

  TestNetwork network_ = mlp(GetParam(), at::kDouble);
  const at::Tensor base_ = run_plain(network_);
};

INSTANTIATE_TEST_SUITE_P(Holders, ModelForeignTest,
                         ::testing::Values(Holder::kScript, Holder::kNetwork),
                         ::testing::PrintToStringParamName());

TEST_P(ModelForeignTest, OutputsTurnLiveAndMerged) {
  const AdapterFile file = mlp_file();
  const at::Tensor expected = expected_of(file);
  EXPECT_GT(max_difference(expected, base_), 1e-2);
  for (const bool keep : {true, false}) {
    network_ = mlp(GetParam(), at::kDouble);
    const auto before = copies_of(*network_.tree);
    OFTModel model = make({{"outputs", file}}, {.keep_base_weights = keep});
    const at::Tensor live = run(model, network_);
    EXPECT_LT(max_difference(live, expected), 1e-12);
    model.merge_adapter(std::nullopt, /*safe_merge=*/true);
    EXPECT_LT(max_difference(run(model, network_), expected), 1e-12);
    model.unmerge_adapter();
    EXPECT_LT(max_difference(run(model, network_, Names{}), base_), keep ? 0x1p-60 : 1e-12);
    EXPECT_LT(max_difference(run(model, network_), live), keep ? 0x1p-60 : 1e-12);
    if (keep) expect_equal(parameters_of(*network_.tree), before);
    EXPECT_LT(max_difference(run_tree(model.merge_and_unload(), network_), expected), 1e-12);
  }
}

TEST_P(ModelForeignTest, CachedMergedWeightsAreTheSame) {
  const AdapterFile file = mlp_file();
  OFTModel model = make({{"outputs", file}}, {.cache_merged_weights = true});
  EXPECT_LT(max_difference(run(model, network_), expected_of(file)), 1e-12);
  EXPECT_TRUE(run(model, network_, Names{}).equal(base_));
}

TEST_P(ModelForeignTest, SixteenBitWeightsAreRoundedOnce) {
  network_ = mlp(GetParam(), at::kBFloat16);
  const auto before = copies_of(*network_.tree);
  const AdapterFile file = mlp_file();
  OFTModel model = make({{"outputs", file}});
  const at::Tensor live = run(model, network_);
  for (int i = 0; i < 3; ++i) {
    model.merge_adapter();
    EXPECT_TRUE(run(model, network_).equal(live)) << "both have rotated weights";
    model.unmerge_adapter();
  }
  expect_equal(parameters_of(*network_.tree), before);
}

TEST_P(ModelForeignTest, MakersAndSidesTogetherKeepTheirOrder) {
  const AdapterFile first = mlp_file();
  const AdapterFile second = foreign_file({output_layer("fc2", {random_factor(32, 16)})});
  AdapterLayer input{.name = "fc2", .factors = {random_factor(32, 4, 0, 0, 0.05)}};
  const AdapterFile neumann = foreign_file({input}, AdapterFormat::kOneTrainer);
  OFTModel model = make({{"first", first}, {"second", second}, {"inputs", neumann}});
  randomize(model);
  for (const Names& names : std::vector<Names>{{"default", "first", "second", "inputs"},
                                               {"second", "first", "inputs", "default"},
                                               {"inputs", "second"}}) {
    const at::Tensor live = run(model, network_, names);
    model.merge_adapter(names);
    EXPECT_LT(max_difference(run(model, network_), live), 1e-12);
    model.unmerge_adapter();
    EXPECT_TRUE(run(model, network_, names).equal(live));
  }
  const auto differ = [&](const Names& a, const Names& b) {
    return max_difference(run(model, network_, a), run(model, network_, b));
  };
  EXPECT_LT(differ({"default", "first"}, {"first", "default"}), 1e-12) << "sides commute";
  EXPECT_GT(differ({"first", "second"}, {"second", "first"}), 1e-3);
  EXPECT_GT(differ({"default", "inputs"}, {"inputs", "default"}), 1e-4);
}

TEST_P(ModelForeignTest, GoesOnWhereAnotherAdapterTrains) {
  const AdapterFile file = mlp_file();
  const auto gradients_of = [&](OFTModel& model) {
    randomize(model);
    const Activation active = model.activate();
    network_.forward(active, network_.input).square().sum().backward();
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& parameter : model.trainable_parameters())
      gradients.push_back(parameter.grad().clone());
    return gradients;
  };
  OFTConfig config = targets({"fc1", "fc2"});
  config.modules_to_save = Names{"head"};
  OFTModel both = foreign_model(network_, {{"outputs", file}}, config);
  both.set_adapter({"default", "outputs"});
  at::manual_seed(61);
  const std::vector<at::Tensor> live = gradients_of(both);
  both.set_adapter({"default"});

  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : parameters_of(*network_.tree))
    if (name.ends_with(".weight"))
      weights[name] = turned_weight(file, name.substr(0, name.size() - 7), tensor);
  const auto turned = network_.tree->with_tensors(weights);
  network_.tree = turned;
  OFTModel model(turned, config);
  at::manual_seed(61);
  const std::vector<at::Tensor> expected = gradients_of(model);
  ASSERT_EQ(live.size(), expected.size());
  for (std::size_t i = 0; i < live.size(); ++i) {
    at::Tensor gradient = expected[i];
    if (live[i].sizes() == at::IntArrayRef({4, 32}))  // of W, not of the turned one
      gradient = turned_weight(file, "head", at::eye(4, at::kDouble)).t().matmul(gradient);
    EXPECT_LT(max_difference(live[i], gradient), 1e-11 * expected[i].abs().max().item<double>());
  }
}

TEST_P(ModelForeignTest, DoesNotTrainAndIsNotSavedInPart) {
  const TemporaryFolder folder;
  OFTModel model = make({{"outputs", mlp_file()}});
  EXPECT_TRUE(model.trainable_parameters().empty());
  for (const OFTModel::LayerParameter& parameter : model.layer_parameters())
    EXPECT_NE(parameter.name.find(".default."), std::string::npos);
  const std::vector<std::string> reason{"LyCORIS diag-oft", "is_trainable", "oft convert"};
  expect_error(Status::kUnsupported, reason,
               [&] { model.load_adapter(mlp_file(), "trained", {.is_trainable = true}); });
  expect_error(Status::kUnsupported, reason, [&] { model.load_adapter(mlp_file(), "default"); });
  expect_error(Status::kUnsupported, {"'fc1'", "turns outputs"},
               [&] { model.save_pretrained(folder.path()); });
  EXPECT_EQ(folder.names(), std::set<std::string>());
  EXPECT_EQ(model.adapter("outputs").layers.size(), 3U);
  EXPECT_EQ(model.adapter("outputs").maker(), "LyCORIS diag-oft");
  EXPECT_EQ(model.adapter_names(), Names({"default", "outputs"}));
}

TEST_P(ModelForeignTest, AFileOfAnotherShapeTakesThePlaceOfOne) {
  const AdapterFile first = mlp_file();
  const AdapterFile second = mlp_file();
  const AdapterFile other = foreign_file({output_layer("fc2", {random_factor(32, 16)})});
  OFTModel model = make({{"outputs", first}});
  for (const AdapterFile& file : {first, second, other, first}) {
    model.load_adapter(file, "outputs");
    EXPECT_EQ(model.active_adapters(), Names({"outputs"}));
    EXPECT_LT(max_difference(run(model, network_), expected_of(file)), 1e-12);
  }
}

TEST_P(ModelForeignTest, ReportsFactors) {
  OFTModel model = make({{"outputs", mlp_file()}});
  const json report = json::parse(model.to_json());
  EXPECT_EQ(report["adapters"][1]["trainable"], false);
  EXPECT_EQ(report["adapters"][1]["parameters"], 4 * 28 + 8 * 6 + 2 * 28 + 4 * 6 + 6);
  ASSERT_EQ(report["layers"].size(), 2U + 5U);
  EXPECT_EQ(report["layers"][4], json({{"name", "fc2"},
                                       {"kind", "Linear"},
                                       {"placement", "weight"},
                                       {"features", 16},
                                       {"block_size", 8},
                                       {"blocks", 2},
                                       {"side", "output"},
                                       {"adapter", "outputs"},
                                       {"parameter", nullptr}}));
}

TEST_P(ModelForeignTest, TakesTheComponentOfTheModel) {
  const auto in = [](const std::string& component, AdapterLayer layer) {
    layer.component = component;
    return layer;
  };
  const AdapterLayer mine = output_layer("fc1", {random_factor(32, 8)});
  const AdapterLayer other = output_layer("fc1", {random_factor(64, 8)});
  const AdapterLayer unknown = output_layer("to_q", {random_factor(32, 8)});
  const AdapterFile only = foreign_file({mine});

  OFTModel model =
      make({{"outputs", foreign_file({in("unet", unknown), in("unet", mine),
                                      in("text_encoder", mine), in("text_encoder_2", other)})}});
  EXPECT_LT(max_difference(run(model, network_), expected_of(only)), 1e-12);
  EXPECT_EQ(model.adapter("outputs").components(), Names({"text_encoder"}));

  expect_error(
      Status::kInvalidArgument,
      {"'text_encoder'", "'unet'", "none of them is for this model", "'to_q'", "8 blocks of 8"},
      [&] {
        model.load_adapter(
            foreign_file({in("unet", unknown), in("unet", mine), in("text_encoder", other)}),
            "second");
      });
  expect_error(Status::kInvalidArgument,
               {"'text_encoder', 'text_encoder_2'", "fit this model alike"}, [&] {
                 model.load_adapter(foreign_file({in("unet", unknown), in("text_encoder", mine),
                                                  in("text_encoder_2", mine)}),
                                    "second");
               });
  EXPECT_EQ(model.adapter_names(), Names({"default", "outputs"}));
}

TEST_P(ModelForeignTest, WhatDoesNotFitChangesNothing) {
  OFTModel model = make({{"outputs", mlp_file()}});
  const at::Tensor expected = run(model, network_);
  const auto refuses = [&](Status status, const std::vector<std::string>& parts,
                           const AdapterFile& file) {
    expect_error(status, parts, [&] { model.load_adapter(file, "outputs"); });
  };
  const AdapterLayer good = output_layer("fc1", {random_factor(32, 8)});
  refuses(Status::kInvalidArgument, {"1 of its 2 layers", "'fc3'", "nearest", "'fc1'"},
          foreign_file({good, output_layer("fc3", {random_factor(32, 8)})}));
  refuses(Status::kInvalidArgument, {"layer 'fc2'", "6 blocks of 8", "32"},
          foreign_file({good, output_layer("fc2", {random_factor(48, 8)})}));
  refuses(Status::kInvalidArgument, {"layer 'fc2'", "row scale of 5"},
          foreign_file({good, output_layer("fc2", {random_factor(32, 8)}, at::ones(5) * 2)}));
  refuses(Status::kInvalidArgument, {"two of its layers mean 'fc1'"}, foreign_file({good, good}));
  AdapterFile partly = foreign_file({good});
  partly.unused_keys = {"fc2.lora_up.weight"};
  refuses(Status::kInvalidArgument, {"not understood", "fc2.lora_up.weight"}, partly);
  EXPECT_TRUE(run(model, network_).equal(expected));
}

TEST(ModelForeign, TurnsTheOutputsOfEveryKind) {
  at::manual_seed(62);
  const at::Tensor image = at::randn({2, 8, 12, 10}, at::kDouble);
  const at::Tensor text = at::randn({5, 16}, at::kDouble);
  for (const auto& [script, name, kind, input] :
       std::vector<std::tuple<std::string, std::string, LayerKind, at::Tensor>>{
           {"conv_scripted", "padded", LayerKind::kConv2d, image},
           {"conv_scripted", "grouped", LayerKind::kConv2d, image},
           {"conv_traced", "grouped_line", LayerKind::kConv1d, image},
           {"conv1d_scripted", "c_attn", LayerKind::kConv1D, text}}) {
    SCOPED_TRACE(script + " " + name);
    torch::jit::Module module = load_test_script(script);
    module.to(at::kDouble);
    const TestNetwork network = script_network(module, input);
    const at::Tensor weight = parameters_of(*network.tree).at(name + ".weight");
    const std::int64_t outputs = rotated_features(kind, weight.sizes(), Side::kOutput);
    const AdapterFile file =
        foreign_file({output_layer(name, {random_factor(outputs, 4)}, at::rand({outputs}) + 0.5)});
    const at::Tensor expected =
        run_with(network, {{name + ".weight", turned_weight(file, name, weight, kind)}});
    EXPECT_GT(max_difference(expected, run_plain(network)), 1e-6);

    OFTModel model = foreign_model(network, {{"outputs", file}}, targets({name}, 2),
                                   {.keep_base_weights = false});
    EXPECT_LT(max_difference(run(model, network), expected), 1e-12);
    randomize(model);
    const Names both{"outputs", "default"};
    const at::Tensor live = run(model, network, both);
    EXPECT_GT(max_difference(live, expected), 1e-7);
    model.merge_adapter(both);
    EXPECT_LT(max_difference(run(model, network), live), 1e-12);
    model.unmerge_adapter();
    EXPECT_LT(max_difference(run(model, network, both), live), 1e-12) << "by the inverse";
    EXPECT_LT(
        max_difference(run_tree(model.merge_and_unload({.adapter_names = both}), network), live),
        1e-12);
  }
}

TEST(ModelForeign, InputsOfGroupsAreTurnedAlike) {
  at::manual_seed(63);
  torch::jit::Module module = load_test_script("conv_scripted");
  module.to(at::kDouble);
  const TestNetwork network = script_network(module, at::randn({2, 8, 12, 10}, at::kDouble));
  const at::Tensor weight = parameters_of(*network.tree).at("grouped.weight");
  const std::int64_t features = rotated_features(LayerKind::kConv2d, weight.sizes());
  AdapterLayer layer{.name = "grouped",
                     .factors = {random_factor(features, features / 2, 0, 0, 0.05)}};
  const AdapterFile file = foreign_file({layer}, AdapterFormat::kOneTrainer);
  const at::Tensor merged = merge_weight(weight, LayerKind::kConv2d,
                                         file.rotations(layer, LayerKind::kConv2d, weight.sizes()));
  OFTModel model = foreign_model(network, {{"inputs", file}}, targets({"padded"}, 2));
  const at::Tensor expected = run_with(network, {{"grouped.weight", merged}});
  EXPECT_LT(max_difference(run(model, network), expected), 1e-12);
  model.merge_adapter();
  EXPECT_LT(max_difference(run(model, network), expected), 1e-12);
}

TEST(ModelForeign, AnEmbeddingHasNoOutputs) {
  torch::jit::Module module = load_test_script("embedding_scripted");
  const TestNetwork network = script_network(module, at::arange(10, at::kLong).reshape({2, 5}));
  OFTModel model(network.tree, targets({"head"}, 4));
  expect_error(Status::kUnsupported, {"layer 'tokens'", "no output to turn"}, [&] {
    model.load_adapter(foreign_file({output_layer("tokens", {random_factor(20, 4)})}), "outputs");
  });
}

}  // namespace
}  // namespace oft
