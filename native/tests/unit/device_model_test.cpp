#include "device_support.hpp"
#include "model_support.hpp"
#include "src/script_module.hpp"

namespace oft {
namespace {

using namespace testing;

/// The network of mlp_scripted.pt with an adapter, on a device; the same parameters each time.
struct AdaptedNetwork {
  AdaptedNetwork(Holder holder, at::Device device) : network(make(holder, device)) {
    at::manual_seed(43);
    for (const OFTModel::LayerParameter& parameter : model.layer_parameters())
      parameter.value.copy_(at::randn(parameter.value.sizes()) * 0.15);
  }

  static TestNetwork make(Holder holder, at::Device device) {
    const at::Tensor input = mlp(Holder::kScript).input.to(device);
    if (holder == Holder::kScript)
      return script_network(
          load_script(data_dir() / "scripts/mlp_scripted.pt", {.device = device.str()}), input);
    torch::jit::Module module = load_test_script("mlp_scripted");
    auto net = std::make_shared<MlpImpl>();
    const torch::NoGradGuard no_grad;
    auto target = net->named_parameters();
    for (const auto& item : module.named_parameters()) target[item.name].copy_(item.value);
    net->to(device);
    return nn_network(net, input);
  }

  /// Runs a step and gives dL/dq.
  std::vector<at::Tensor> gradients() {
    model.train();
    const Activation active = model.activate();
    network.forward(active, network.input).pow(2).sum().backward();
    std::vector<at::Tensor> list;
    for (const at::Tensor& parameter : model.trainable_parameters())
      list.push_back(parameter.grad());
    return list;
  }

  TestNetwork network;
  OFTModel model{network.tree, targets({"fc1", "fc2"})};
};

class ModelOnDevice : public OnDevice {};

INSTANTIATE_TEST_SUITE_P(Devices, ModelOnDevice, ::testing::ValuesIn(test_devices()), device_name);

TEST_P(ModelOnDevice, TrainsAsOnTheCpu) {
  for (const Holder holder : {Holder::kScript, Holder::kNetwork}) {
    const std::vector<at::Tensor> gradients = AdaptedNetwork(holder, GetParam()).gradients();
    const std::vector<at::Tensor> expected = AdaptedNetwork(holder, at::kCPU).gradients();
    ASSERT_EQ(gradients.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(gradients[i].device().type(), GetParam().type());
      EXPECT_TRUE(at::allclose(gradients[i].to(at::kCPU), expected[i], 1e-4, 1e-5));
    }
  }
}

TEST_P(ModelOnDevice, MergedOutputEqualsTheUnmergedOne) {
  for (const Holder holder : {Holder::kScript, Holder::kNetwork}) {
    AdaptedNetwork adapted(holder, GetParam());
    const at::Tensor expected = run(adapted.model, adapted.network);
    EXPECT_EQ(expected.device().type(), GetParam().type());
    EXPECT_GT(max_difference(expected, run_plain(adapted.network)), 1e-2);
    adapted.model.merge_adapter();
    EXPECT_LT(max_difference(run(adapted.model, adapted.network), expected), 2e-6);
    adapted.model.unmerge_adapter();
    EXPECT_TRUE(run(adapted.model, adapted.network).equal(expected));
  }
}

}  // namespace
}  // namespace oft
