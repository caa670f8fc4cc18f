#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "adapter_tensors.hpp"
#include "model_support.hpp"
#include "oft/checkpoint.hpp"

namespace oft {
namespace {

using namespace testing;

/// The modules of a checkpoint without a network around them.
struct Modules : torch::nn::Module {
  explicit Modules(const Checkpoint& checkpoint) {
    for (const Layer& layer : checkpoint.layers()) {
      const auto* location = checkpoint.find(layer.name + ".weight");
      add(layer.name, read_tensor(checkpoint.files().front(), location->entry->name));
    }
  }

  at::Tensor forward(const std::string& name, const at::Tensor& x) {
    if (const auto found = convs.find(name); found != convs.end()) return found->second->forward(x);
    return linears.at(name)->forward(x);
  }

  /// What a module is given.
  at::Tensor input(const std::string& name) const {
    const auto found = convs.find(name);
    return found == convs.end()
               ? at::randn({3, linears.at(name)->options.in_features()}, at::kDouble)
               : at::randn({2, found->second->options.in_channels(), 5, 4}, at::kDouble);
  }

  std::map<std::string, torch::nn::Conv2d> convs;
  std::map<std::string, torch::nn::Linear> linears;

 private:
  struct Holder : torch::nn::Module {};

  void add(const std::string& name, const at::Tensor& weight) {
    torch::nn::Module* parent = this;
    std::string rest = name;
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      const std::string word = rest.substr(0, dot);
      rest.erase(0, dot + 1);
      const auto child = parent->named_children().find(word);
      parent = child != nullptr ? child->get()
                                : parent->register_module(word, std::make_shared<Holder>()).get();
    }
    const auto set = [&](auto& module) {
      module->weight.set_data(weight);
      parent->register_module(rest, module);
    };
    const at::IntArrayRef shape = weight.sizes();
    if (weight.dim() == 4)
      set(convs
              .emplace(
                  name,
                  torch::nn::Conv2dOptions(shape[1], shape[0], {shape[2], shape[3]}).bias(false))
              .first->second);
    else
      set(linears.emplace(name, torch::nn::LinearOptions(shape[1], shape[0]).bias(false))
              .first->second);
  }
};

/// File, folder of the model below the data, and component, of which other models' layers are.
struct Case {
  std::string file;
  std::string base;
  std::string component;
};

void PrintTo(const Case& item, std::ostream* out) { *out << item.file << " in " << item.component; }

class ForeignLive : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Makers, ForeignLive,
    ::testing::Values(Case{"lycoris-diag", "pipeline/unet", "unet"},
                      Case{"lycoris-diag", "pipeline/text_encoder", "text_encoder"},
                      Case{"lycoris-old", "pipeline/unet", "unet"},
                      Case{"lycoris-boft", "pipeline/unet", "unet"},
                      Case{"kohya", "pipeline/unet", "unet"},
                      Case{"kohya-flux", "transformer.safetensors", "transformer"},
                      Case{"onetrainer", "pipeline/unet", "unet"},
                      Case{"onetrainer", "pipeline/text_encoder", "text_encoder"},
                      Case{"onetrainer-shared", "pipeline/unet", "unet"}));

TEST_P(ForeignLive, TurnsAndMergesAsItsMakerDoes) {
  at::manual_seed(63);
  const fs::path data = data_dir() / "foreign";
  const auto modules = std::make_shared<Modules>(Checkpoint::open(data / GetParam().base));
  const std::string name = GetParam().file + ".safetensors";
  OFTConfig config = targets({modules->linears.begin()->first}, 2);
  OFTModel model(nn_tree(modules), config, "default");
  model.load_adapter(AdapterFile::load(data / name), "foreign");
  model.set_adapter({"foreign"});

  const torch::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> inputs;
  std::map<std::string, at::Tensor> outputs;
  for (const auto& [key, weight] : read_adapter_tensors(data / "expected" / name)) {
    const std::string prefix = GetParam().component + ".";
    if (!key.starts_with(prefix)) continue;
    const std::string module = key.substr(prefix.size(), key.rfind('.') - prefix.size());
    const at::Tensor x = inputs[module] = modules->input(module);
    outputs[module] = weight.dim() == 4 ? at::conv2d(x, weight) : at::linear(x, weight);
  }
  ASSERT_FALSE(outputs.empty());
  const auto expect_turned = [&] {
    for (const auto& [module, expected] : outputs)
      EXPECT_LT(max_difference(modules->forward(module, inputs[module]), expected), 1e-5) << module;
  };
  {
    const Activation active = model.activate();
    expect_turned();
  }
  model.merge_adapter();
  {
    const Activation active = model.activate();
    expect_turned();
  }
  model.unmerge_adapter();
  model.merge_and_unload();
  expect_turned();
}

}  // namespace
}  // namespace oft
