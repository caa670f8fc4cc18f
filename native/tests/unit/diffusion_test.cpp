// The networks of a diffusion pipeline: examples/diffusion, whose modules are those of Stable
// Diffusion 1.5.

#include <algorithm>
#include <string>
#include <vector>

#include "model_support.hpp"
#include "oft/checkpoint_merge.hpp"

namespace oft {
namespace {

using namespace testing;

const fs::path kModels =
    data_dir().parent_path().parent_path().parent_path() / "examples" / "diffusion";

/// Module::to would convert the positions of the text encoder, which are integers, as well.
torch::jit::Module load(const std::string& name, at::ScalarType dtype) {
  torch::jit::Module module = torch::jit::load(kModels / name);
  for (const at::Tensor& parameter : module.parameters()) parameter.set_data(parameter.to(dtype));
  return module;
}

TestNetwork unet(at::ScalarType dtype) {
  torch::jit::Module module = load("unet.pt", dtype);
  at::manual_seed(80);
  const auto arguments = [timestep = at::tensor({3, 700}),
                          states = at::randn({2, 5, 16}).to(dtype)](const at::Tensor& sample) {
    return std::vector<c10::IValue>{sample, timestep, states};
  };
  return {script_tree(module),
          [arguments](const Activation& active, const at::Tensor& sample) {
            return active.forward(arguments(sample)).toTensor();
          },
          at::randn({2, 4, 16, 8}).to(dtype),
          [module, arguments](const at::Tensor& sample) mutable {
            return module.forward(arguments(sample)).toTensor();
          }};
}

TestNetwork text_encoder(at::ScalarType dtype) {
  return script_network(load("text_encoder.pt", dtype),
                        at::tensor({62, 1, 7, 3, 63}).reshape({1, 5}));
}

struct Targets {
  std::string name;
  TestNetwork (*network)(at::ScalarType);
  Names modules;
  std::int64_t r;
  std::int64_t block_size;
  std::size_t layers;

  OFTConfig config() const {
    OFTConfig config = targets(modules, block_size);
    config.r = r;
    return config;
  }
};

void PrintTo(const Targets& item, std::ostream* out) { *out << item.name; }

const Names kTransformers{"proj_in", "proj_out", "to_k",          "to_q",
                          "to_v",    "to_out.0", "ff.net.0.proj", "ff.net.2"};
const Names kConvolutions{"conv1", "conv2", "conv_shortcut", "conv_in", "conv", "conv_out"};

std::vector<Targets> all_targets() {
  Names both = kTransformers;
  both.insert(both.end(), kConvolutions.begin(), kConvolutions.end());
  return {
      // The two of PEFT's own example.
      {"TextEncoder",
       text_encoder,
       {"k_proj", "q_proj", "v_proj", "out_proj", "fc1", "fc2"},
       8,
       0,
       72},
      {"Transformers", unet, kTransformers, 8, 0, 192},
      {"Convolutions", unet, kConvolutions, 0, 4, 66},
      // Blocks of 18, 24, 36, ...: r divides in_channels * 9.
      {"ConvolutionsByR", unet, {"conv1", "conv2", "conv_shortcut", "conv"}, 8, 0, 64},
      {"AllOfTheUNet", unet, both, 0, 4, 258},
  };
}

class DiffusionTest : public ::testing::TestWithParam<Targets> {};

INSTANTIATE_TEST_SUITE_P(Networks, DiffusionTest, ::testing::ValuesIn(all_targets()),
                         [](const auto& info) { return info.param.name; });

TEST_P(DiffusionTest, IsTheBaseAtFirstAndEqualsItsMergeAfterwards) {
  const TestNetwork network = GetParam().network(at::kDouble);
  const at::Tensor base = run_plain(network);
  const auto before = copies_of(*network.tree);
  OFTModel model(network.tree, GetParam().config());
  EXPECT_EQ(model.layer_parameters().size(), GetParam().layers);
  EXPECT_LT(max_difference(run(model, network), base), 1e-12);
  randomize(model);
  const at::Tensor adapted = run(model, network);
  EXPECT_GT(max_difference(adapted, base), 1e-3);
  model.merge_adapter();
  EXPECT_LT(max_difference(run(model, network), adapted), 1e-11);
  model.unmerge_adapter();
  EXPECT_TRUE(run(model, network).equal(adapted));
  const auto merged = model.merge_and_unload();
  EXPECT_LT(max_difference(run_tree(merged, network), adapted), 1e-11);
  expect_equal(parameters_of(*network.tree), before);
}

TEST_P(DiffusionTest, EveryLayerLearns) {
  const TestNetwork network = GetParam().network(at::kFloat);
  OFTModel model(network.tree, GetParam().config());
  model.train();
  const Activation active = model.activate();
  at::mse_loss(network.forward(active, network.input), at::zeros({})).backward();
  for (const OFTModel::LayerParameter& parameter : model.layer_parameters())
    EXPECT_GT(parameter.grad.abs().max().item<double>(), 0) << parameter.name;
}

TEST_P(DiffusionTest, FromFileToFileIsWhatALiveMergeGives) {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  const TestNetwork network = GetParam().network(at::kHalf);
  write_tensors(folder / "base.safetensors", parameters_of(*network.tree));
  OFTModel model(network.tree, GetParam().config());
  randomize(model);
  model.save_pretrained(folder / "adapter");
  CheckpointMerge(folder / "base.safetensors")
      .adapter(folder / "adapter")
      .options({.safe = true, .verify = true})
      .write_to(folder / "merged.safetensors");
  const auto merged = SafetensorsFile::open(folder / "merged.safetensors");
  const auto live = parameters_of(*model.merge_and_unload());
  EXPECT_EQ(merged.entries().size(), live.size());
  for (const auto& [name, tensor] : live)
    EXPECT_TRUE(tensor.equal(read_tensor(merged, name))) << name;
}

}  // namespace
}  // namespace oft
