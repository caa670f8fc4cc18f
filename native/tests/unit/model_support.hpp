#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/script.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oft/model.hpp"
#include "oft/module_tree.hpp"
#include "support.hpp"

namespace oft::testing {

using Names = std::vector<std::string>;

inline torch::jit::Module load_test_script(const std::string& name) {
  return torch::jit::load(data_dir() / "scripts" / (name + ".pt"));
}

/// The network of mlp_scripted.pt in C++.
struct MlpImpl : torch::nn::Module {
  MlpImpl() {
    register_module("fc1", fc1);
    register_module("fc2", fc2);
    register_module("head", head);
  }

  at::Tensor forward(const at::Tensor& x) {
    return head->forward(torch::tanh(fc2->forward(torch::relu(fc1->forward(x)))));
  }

  torch::nn::Linear fc1{16, 32};
  torch::nn::Linear fc2{32, 32};
  torch::nn::Linear head{torch::nn::LinearOptions(32, 4).bias(false)};
};

/// A model and how it is called, whatever holds it.
struct TestNetwork {
  using Forward = std::function<at::Tensor(const Activation&, const at::Tensor&)>;

  std::shared_ptr<ModuleTree> tree;
  Forward forward;
  at::Tensor input;
  /// The same network as its owner calls it, without oft.
  std::function<at::Tensor(const at::Tensor&)> plain;
};

inline TestNetwork script_network(torch::jit::Module module, at::Tensor input) {
  return {
      script_tree(module),
      [](const Activation& active, const at::Tensor& x) { return active.forward({x}).toTensor(); },
      std::move(input),
      [module](const at::Tensor& x) mutable { return module.forward({x}).toTensor(); }};
}

/// Of any torch::nn network with a forward of one tensor.
template <typename Network>
TestNetwork nn_network(std::shared_ptr<Network> network, at::Tensor input) {
  const auto forward = [network](const at::Tensor& x) { return network->forward(x); };
  return {nn_tree(network),
          [forward](const Activation&, const at::Tensor& x) { return forward(x); },
          std::move(input), forward};
}

enum class Holder { kScript, kNetwork };

inline void PrintTo(Holder holder, std::ostream* out) {
  *out << (holder == Holder::kScript ? "Script" : "Network");
}

/// The same network and input, held by one or the other.
inline TestNetwork mlp(Holder holder, at::ScalarType dtype = at::kFloat) {
  torch::jit::Module module = load_test_script("mlp_scripted");
  module.to(dtype);
  at::manual_seed(5);
  const at::Tensor input = at::randn({6, 16}).to(dtype);
  if (holder == Holder::kScript) return script_network(module, input);
  auto network = std::make_shared<MlpImpl>();
  network->to(dtype);
  const torch::NoGradGuard no_grad;
  auto target = network->named_parameters();
  for (const auto& item : module.named_parameters()) target[item.name].copy_(item.value);
  return nn_network(network, input);
}

inline OFTConfig targets(const Names& names, std::int64_t block_size = 8) {
  OFTConfig config;
  config.target_modules = names;
  config.oft_block_size = block_size;
  config.r = 0;
  return config;
}

/// Parameters that turn visibly: q ~ N(0, sigma).
inline void randomize(const OFTModel& model, double sigma = 0.15) {
  for (const OFTModel::LayerParameter& parameter : model.layer_parameters())
    parameter.value.normal_(0, sigma);
}

/// The output without gradients.
inline at::Tensor run(OFTModel& model, const TestNetwork& network,
                      const std::optional<Names>& names = std::nullopt) {
  const torch::NoGradGuard no_grad;
  const Activation active = model.activate(names);
  return network.forward(active, network.input);
}

inline at::Tensor run_plain(const TestNetwork& network) {
  const torch::NoGradGuard no_grad;
  return network.plain(network.input);
}

/// The output of what `merge_and_unload` or `unload` gave.
inline at::Tensor run_tree(const std::shared_ptr<ModuleTree>& tree, const TestNetwork& network) {
  const torch::NoGradGuard no_grad;
  const Activation active(tree->instantiate({}, false));
  return network.forward(active, network.input);
}

inline std::map<std::string, at::Tensor> parameters_of(const ModuleTree& tree) {
  std::map<std::string, at::Tensor> tensors;
  for (auto& [name, tensor] : tree.parameters()) tensors.emplace(name, tensor);
  return tensors;
}

inline std::map<std::string, at::Tensor> copies_of(const ModuleTree& tree) {
  std::map<std::string, at::Tensor> tensors;
  for (auto& [name, tensor] : tree.parameters()) tensors.emplace(name, tensor.detach().clone());
  return tensors;
}

inline void expect_equal(const std::map<std::string, at::Tensor>& a,
                         const std::map<std::string, at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(tensor.equal(b.at(name))) << name;
}

}  // namespace oft::testing
