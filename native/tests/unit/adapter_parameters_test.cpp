#include "adapter_parameters.hpp"

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>

#include <fstream>

#include "model_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// The base of the adapter folders in tests/data; see parity/tiny_encoder.py.
struct BlockImpl : torch::nn::Module {
  BlockImpl() {
    register_module("q_proj", q_proj);
    register_module("up_proj", up_proj);
    register_module("down_proj", down_proj);
    register_module("norm", norm);
  }

  at::Tensor forward(at::Tensor h) {
    const at::Tensor scores = q_proj(h).matmul(h.transpose(-2, -1)) / 4;
    h = h + scores.softmax(-1).matmul(h);
    return norm(h + down_proj(torch::relu(up_proj(h))));
  }

  torch::nn::Linear q_proj{16, 16};
  torch::nn::Linear up_proj{16, 20};
  torch::nn::Linear down_proj{20, 16};
  torch::nn::LayerNorm norm{torch::nn::LayerNormOptions({16})};
};
TORCH_MODULE(Block);

struct TinyEncoder : torch::nn::Module {
  TinyEncoder() {
    register_module("embed_tokens", embed_tokens);
    register_module("patch", patch);
    register_module("layers", layers);
    register_module("head", head);
  }

  at::Tensor forward(const at::Tensor& ids) {
    const auto dtype = patch->weight.scalar_type();
    const at::Tensor image = at::linspace(-1, 1, 3 * 4 * 4).reshape({1, 3, 4, 4}).to(dtype);
    const at::Tensor patches =
        patch(image).flatten(2).transpose(1, 2).expand({ids.size(0), -1, -1});
    at::Tensor h = at::cat({embed_tokens(ids), patches}, 1);
    for (const auto& layer : *layers) h = layer->as<Block>()->forward(h);
    return head(h.mean(1));
  }

  torch::nn::Embedding embed_tokens{12, 16};
  torch::nn::Conv2d patch{torch::nn::Conv2dOptions(3, 16, 2).stride(2)};
  torch::nn::ModuleList layers{Block(), Block()};
  torch::nn::Linear head{16, 6};
};

TestNetwork tiny_encoder(const std::string& base = "base") {
  const SafetensorsFile file = SafetensorsFile::open(data_dir() / base / "model.safetensors");
  auto network = std::make_shared<TinyEncoder>();
  network->to(read_tensor(file, "head.weight").scalar_type());
  const torch::NoGradGuard no_grad;
  for (auto& item : network->named_parameters()) item.value().copy_(read_tensor(file, item.key()));
  return nn_network(network, at::arange(12, at::kLong).reshape({3, 4}));
}

fs::path adapter_folder(const std::string& name) { return data_dir() / "adapters" / name; }

struct Folder {
  std::string name;
  std::string base;
  fs::path expected;
};

void PrintTo(const Folder& folder, std::ostream* out) { *out << folder.name; }

std::vector<Folder> folders() {
  std::vector<Folder> folders;
  const json document = read_json(data_dir() / "adapters.json");
  for (const json& item : document["adapters"])
    folders.push_back(
        {item["name"], item["base"], data_dir() / item["expected"].get<std::string>()});
  return folders;
}

class AdapterFoldersTest : public ::testing::TestWithParam<Folder> {};

INSTANTIATE_TEST_SUITE_P(Folders, AdapterFoldersTest, ::testing::ValuesIn(folders()),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name)
                             if (c == '-' || c == '.') c = '_';
                           return name;
                         });

TEST_P(AdapterFoldersTest, MergesAsPeftDoesAndRunsAsMerged) {
  const TestNetwork network = tiny_encoder(GetParam().base);
  OFTModel model = OFTModel::from_pretrained(network.tree, adapter_folder(GetParam().name));
  const at::Tensor base = run_plain(network);
  const at::Tensor adapted = run(model, network);
  const auto type = adapted.scalar_type();
  EXPECT_GT(max_difference(adapted, base), 1e-3);
  const auto tensors = parameters_of(*model.merge_and_unload({.safe_merge = true}));
  EXPECT_LT(max_difference(run_plain(network), adapted), type == at::kFloat ? 2e-6 : 0.05);

  const SafetensorsFile expected = SafetensorsFile::open(GetParam().expected);
  for (const SafetensorsEntry& entry : expected.entries()) {
    const at::Tensor peft = read_tensor(expected, entry.name);
    const double ulp = type == at::kHalf ? 0x1p-10 : type == at::kBFloat16 ? 0x1p-7 : 2e-6;
    EXPECT_TRUE(at::allclose(tensors.at(entry.name).to(at::kDouble), peft.to(at::kDouble), ulp,
                             type == at::kFloat ? 2e-6 : 1e-7))
        << entry.name << ": " << max_difference(tensors.at(entry.name), peft);
  }
}

TEST_P(AdapterFoldersTest, KeepsItsFunctionThroughASave) {
  const std::string name = GetParam().name;
  const bool scaled = name == "peft-0.14" || name.starts_with("peft-0.15");
  const TemporaryFolder folder;
  const TestNetwork network = tiny_encoder(GetParam().base);
  OFTModel model = OFTModel::from_pretrained(network.tree, adapter_folder(name));
  const at::Tensor adapted = run(model, network);
  if (scaled && [&] {
        const AdapterFile file = AdapterFile::load(adapter_folder(name));
        return std::ranges::any_of(file.layers, [](const AdapterLayer& layer) {
          return !layer.row_scale.eq(1).all().item<bool>();
        });
      }()) {
    expect_error(Status::kUnsupported, {"oft_s"}, [&] { model.save_pretrained(folder.path()); });
    expect_error(Status::kUnsupported, {"oft_s", "is_trainable"}, [&] {
      model.load_adapter(adapter_folder(name), "other", {.is_trainable = true});
    });
    return;
  }
  model.save_pretrained(folder.path());
  const TestNetwork fresh = tiny_encoder(GetParam().base);
  OFTModel loaded = OFTModel::from_pretrained(fresh.tree, folder.path());
  EXPECT_TRUE(run(loaded, fresh).equal(adapted));
}

class LoadTest : public FolderTest {
 protected:
  LoadTest() { fs::copy(adapter_folder("exact"), folder_, fs::copy_options::recursive); }

  /// Rewrites the adapter's tensors.
  void change(const std::function<void(std::map<std::string, at::Tensor>&)>& edit) {
    const fs::path path = folder_ / "adapter_model.safetensors";
    std::map<std::string, at::Tensor> tensors;
    {
      const SafetensorsFile file = SafetensorsFile::open(path);
      for (const SafetensorsEntry& entry : file.entries())
        tensors[entry.name] = read_tensor(file, entry.name);
    }
    edit(tensors);
    write_tensors(path, tensors);
  }

  void change_config(const std::function<void(json&)>& edit) {
    json config = read_json(folder_ / "adapter_config.json");
    edit(config);
    std::ofstream(folder_ / "adapter_config.json") << config.dump();
  }

  TestNetwork network_ = tiny_encoder();
};

constexpr const char* kFirst = "base_model.model.layers.0.q_proj.oft_R.weight";

TEST_F(LoadTest, ListsLayersThatTheFileLacks) {
  change([](auto& tensors) { tensors.erase(kFirst); });
  expect_error(Status::kInvalidArgument, {"'layers.0.q_proj'", "no parameters", "another model"},
               [&] { OFTModel::from_pretrained(network_.tree, folder_); });
}

TEST_F(LoadTest, ListsLayersThatTheModelLacks) {
  change([](auto& tensors) {
    tensors["base_model.model.layers.9.q_proj.oft_R.weight"] = tensors.at(kFirst).clone();
  });
  expect_error(Status::kInvalidArgument, {"'layers.9.q_proj'", "nearest", "'layers.0.q_proj'"},
               [&] { OFTModel::from_pretrained(network_.tree, folder_); });
}

TEST_F(LoadTest, NamesALayerWhoseBlocksDoNotFit) {
  change([](auto& tensors) { tensors[kFirst] = at::zeros({4, 6}); });
  expect_error(Status::kInvalidArgument, {"layer 'layers.0.q_proj'"},
               [&] { OFTModel::from_pretrained(network_.tree, folder_); });
}

TEST_F(LoadTest, WhatIsReplacedMustFit) {
  change_config([](json& config) { config["modules_to_save"] = {"head"}; });
  expect_error(Status::kInvalidArgument, {"'head.bias'", "'head.weight'", "modules_to_save"},
               [&] { OFTModel::from_pretrained(network_.tree, folder_); });
  change([](auto& tensors) {
    tensors["base_model.model.head.weight"] = at::zeros({7, 16});
    tensors["base_model.model.head.bias"] = at::zeros({6});
  });
  expect_error(Status::kInvalidArgument, {"'head.weight'", "[7, 16]", "[6, 16]"},
               [&] { OFTModel::from_pretrained(network_.tree, folder_); });
  change([](auto& tensors) {
    tensors["base_model.model.head.weight"] = at::zeros({6, 16});
    tensors["base_model.model.head.extra"] = at::zeros({6});
  });
  expect_error(Status::kInvalidArgument, {"'head.extra'", "the model lacks"},
               [&] { OFTModel::from_pretrained(network_.tree, folder_); });
}

TEST_F(LoadTest, FailsWithTheModelAsBefore) {
  OFTModel model = OFTModel::from_pretrained(network_.tree, folder_);
  const at::Tensor expected = run(model, network_);
  change([](auto& tensors) {
    tensors[kFirst].fill_(0.5);
    tensors.erase("base_model.model.layers.1.down_proj.oft_R.weight");
  });
  expect_error(Status::kInvalidArgument, {"'layers.1.down_proj'"},
               [&] { model.load_adapter(folder_, "default"); });
  expect_error(Status::kInvalidArgument, {"'layers.1.down_proj'"},
               [&] { model.load_adapter(folder_, "other"); });
  expect_error(Status::kNotFound, {"nowhere"}, [&] { model.load_adapter("nowhere", "default"); });
  EXPECT_EQ(model.adapter_names(), Names({"default"}));
  EXPECT_TRUE(run(model, network_).equal(expected));
}

TEST_F(LoadTest, KeepsWhatTheConfigSaysOfTheBase) {
  change_config([](json& config) { config["base_model_name_or_path"] = "somebody/base"; });
  OFTModel model = OFTModel::from_pretrained(network_.tree, folder_);
  const TemporaryFolder other;
  model.save_pretrained(other.path());
  json before = read_json(folder_ / "adapter_config.json");
  json after = read_json(other / "adapter_config.json");
  EXPECT_EQ(after["base_model_name_or_path"], "somebody/base");
  EXPECT_EQ(after["inference_mode"], true);
  for (json* config : {&before, &after})
    std::ranges::sort((*config)["target_modules"].get_ref<json::array_t&>());
  EXPECT_EQ(before["target_modules"], after["target_modules"]);
  EXPECT_EQ(before["peft_version"], after["peft_version"]);
}

TEST(LegacyScale, MultipliesOutputsWhereverTheLayerIsRotated) {
  at::manual_seed(30);
  const TemporaryFolder folder;
  write_tensors(folder / "adapter_model.safetensors",
                {{"base_model.model.fc1.oft_r", at::randn({4, 4, 4}) * 0.2},
                 {"base_model.model.fc1.oft_s", at::rand({32, 1}) + 0.5}});
  std::ofstream(folder / "adapter_config.json")
      << R"({"peft_type": "OFT", "r": 4, "oft_block_size": 0, "target_modules": ["fc1"]})";
  std::vector<at::Tensor> outputs;
  for (const Holder holder : {Holder::kScript, Holder::kNetwork}) {
    const TestNetwork network = mlp(holder);
    OFTModel model = OFTModel::from_pretrained(network.tree, folder.path());
    outputs.push_back(run(model, network));
    EXPECT_GT(max_difference(outputs.back(), run_plain(network)), 1e-2);
    model.merge_adapter();
    EXPECT_LT(max_difference(run(model, network), outputs.back()), 2e-6);
    model.unmerge_adapter();
    EXPECT_TRUE(run(model, network).equal(outputs.back()));
  }
  EXPECT_LT(max_difference(outputs[0], outputs[1]), 2e-6);
}

TEST_F(LoadTest, TwoAdaptersOfOneModelDoNotShareParameters) {
  OFTModel model = OFTModel::from_pretrained(network_.tree, folder_, "first");
  model.load_adapter(folder_, "second");
  const at::Tensor first = run(model, network_);
  for (const auto& parameter : model.layer_parameters())
    if (parameter.name.find(".second.") != std::string::npos) parameter.value.zero_();
  EXPECT_TRUE(run(model, network_, Names{"first"}).equal(first));
  EXPECT_LT(max_difference(run(model, network_, Names{"second"}), run_plain(network_)), 1e-6);
}

}  // namespace
}  // namespace oft
