#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/script.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "oft/model.hpp"
#include "oft/module_tree.hpp"
#include "support.hpp"
#include "tests/parity/live_run.hpp"

namespace oft {
namespace {

using namespace testing;

const fs::path kFolder = data_dir() / "live";

/// Two adapters or one on a network, and what PEFT computed.
struct Case {
  json record;
  Schedule schedule;

  std::string name() const { return record["name"]; }
  std::string network() const { return record["network"]; }
};

void PrintTo(const Case& item, std::ostream* out) { *out << item.name(); }

std::vector<Case> cases(const std::vector<std::string>& networks = {}) {
  const json document = read_json(kFolder / "live.json");
  const Schedule schedule{document["steps"], document["learning_rate"], document["weight_decay"]};
  std::vector<Case> cases;
  for (const json& record : document["cases"])
    if (networks.empty() || std::ranges::count(networks, record["network"].get<std::string>()) > 0)
      cases.push_back({record, schedule});
  return cases;
}

std::string test_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name();
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Absolute, of the loss relative.
struct Tolerance {
  double output;
  double trained;
  double gradient;
  double loss;
};

Tolerance tolerance_of(at::ScalarType type) {
  if (type == at::kDouble) return {1e-12, 1e-11, 1e-12, 1e-11};
  if (type == at::kFloat) return {2e-6, 2e-5, 1e-6, 1e-5};
  // Where a rotated weight is rounded instead of a rotated input, all that follows is.
  const double step = type == at::kHalf ? 0x1p-11 : 0x1p-8;
  return {step, 4 * step, step / 4, step / 4};
}

class LiveParityTest : public ::testing::TestWithParam<Case> {
 protected:
  at::Tensor expected(const std::string& key) const {
    return read_tensor(file_, GetParam().name() + "." + key);
  }
  at::Tensor input() const { return read_tensor(file_, GetParam().network() + ".input"); }

  torch::jit::Module script() const {
    return torch::jit::load(kFolder / (GetParam().network() + ".pt"));
  }

  OFTModel model(std::shared_ptr<ModuleTree> tree) const {
    const LoadAdapterOptions load{.is_trainable = true};
    const json& adapters = GetParam().record["adapters"];
    OFTModel model = OFTModel::from_pretrained(
        std::move(tree), kFolder / adapters["default"].get<std::string>(), "default", load);
    for (const auto& [name, folder] : adapters.items())
      if (name != "default") model.load_adapter(kFolder / folder.get<std::string>(), name, load);
    model.set_adapter(GetParam().record["active"]);
    return model;
  }

  void expect_run_of_peft(OFTModel& model, const LiveForward& forward) {
    const at::Tensor target = read_tensor(file_, GetParam().network() + ".target");
    const LiveRun run = live_run(model, forward, target, GetParam().schedule);
    const Tolerance tolerance = tolerance_of(run.output.scalar_type());

    const double output = max_difference(run.output, expected("output"));
    EXPECT_LE(output, tolerance.output);
    EXPECT_LE(max_difference(run.trained, expected("trained")), tolerance.trained);
    const at::Tensor losses = expected("losses");
    const double loss = ((run.losses - losses) / losses).abs().max().item<double>();
    EXPECT_LE(loss, tolerance.loss);

    const std::vector<std::string> names = GetParam().record["gradients"];
    EXPECT_EQ(run.gradients.size(), names.size());
    double gradient = 0;
    for (const std::string& name : names) {
      SCOPED_TRACE(name);
      ASSERT_TRUE(run.gradients.contains(name));
      const double difference =
          max_difference(run.gradients.at(name), expected("gradient." + name));
      EXPECT_LE(difference, tolerance.gradient);
      gradient = std::max(gradient, difference);
    }
    record("output", output);
    record("gradient", gradient);
    record("loss", loss);
  }

 private:
  static void record(const char* name, double difference) {
    std::ostringstream text;
    text << difference;
    RecordProperty(name, text.str());
  }

  const SafetensorsFile file_ = SafetensorsFile::open(kFolder / "live.safetensors");
};

using ScriptParity = LiveParityTest;

TEST_P(ScriptParity, ForwardGradientsAndTrainingAreThoseOfPeft) {
  OFTModel model = this->model(script_tree(script()));
  expect_run_of_peft(
      model, [x = input()](const Activation& active) { return active.forward({x}).toTensor(); });
}

INSTANTIATE_TEST_SUITE_P(Live, ScriptParity, ::testing::ValuesIn(cases()), test_name);

/// The networks of live_networks.py in C++.
struct Network : torch::nn::Module {
  virtual at::Tensor forward(const at::Tensor& x) = 0;

  void take_tensors(const torch::jit::Module& script) {
    const at::NoGradGuard no_grad;
    for (const auto& parameter : script.named_parameters()) {
      at::Tensor& own = named_parameters()[parameter.name];
      own.set_data(parameter.value.detach().clone());
    }
  }
};

struct LinearNet : Network {
  at::Tensor forward(const at::Tensor& x) override {
    return head(torch::tanh(fc2(torch::tanh(fc1(x)))));
  }
  torch::nn::Linear fc1 = register_module("fc1", torch::nn::Linear(24, 40));
  torch::nn::Linear fc2 = register_module("fc2", torch::nn::Linear(40, 32));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(32, 6));
};

struct ConvNet : Network {
  at::Tensor forward(const at::Tensor& x) override {
    const at::Tensor h = torch::tanh(grouped(torch::tanh(stem(x))));
    return head(torch::tanh(last(torch::tanh(pointwise(h)))).mean({2, 3}));
  }
  using Options = torch::nn::Conv2dOptions;
  torch::nn::Conv2d stem =
      register_module("stem", torch::nn::Conv2d(Options(3, 12, 3).stride(2).padding(1)));
  torch::nn::Conv2d grouped = register_module(
      "grouped",
      torch::nn::Conv2d(Options(12, 16, {3, 1}).padding({2, 0}).dilation({2, 1}).groups(2)));
  torch::nn::Conv2d pointwise =
      register_module("pointwise", torch::nn::Conv2d(Options(16, 12, 1).stride(2).padding(1)));
  torch::nn::Conv2d last =
      register_module("last", torch::nn::Conv2d(Options(12, 8, 1).bias(false)));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 5));
};

struct TokenNet : Network {
  at::Tensor forward(const at::Tensor& x) override {
    return head(torch::tanh(mix(tokens(x).transpose(1, 2))).mean(2));
  }
  torch::nn::Embedding tokens = register_module(
      "tokens", torch::nn::Embedding(torch::nn::EmbeddingOptions(30, 24).padding_idx(0)));
  torch::nn::Conv1d mix =
      register_module("mix", torch::nn::Conv1d(torch::nn::Conv1dOptions(24, 16, 3).padding(1)));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(16, 5));
};

std::shared_ptr<Network> network(const std::string& name) {
  if (name.starts_with("conv")) return std::make_shared<ConvNet>();
  if (name.starts_with("tokens")) return std::make_shared<TokenNet>();
  return std::make_shared<LinearNet>();
}

using NnParity = LiveParityTest;

TEST_P(NnParity, ForwardGradientsAndTrainingAreThoseOfPeft) {
  const std::shared_ptr<Network> net = network(GetParam().network());
  net->take_tensors(script());
  OFTModel model = this->model(nn_tree(net));
  expect_run_of_peft(model, [&, x = input()](const Activation&) { return net->forward(x); });
}

INSTANTIATE_TEST_SUITE_P(Live, NnParity,
                         ::testing::ValuesIn(cases({"linear", "linear64", "linear_bf16",
                                                    "linear_fp16", "conv", "conv64", "tokens",
                                                    "tokens64"})),
                         test_name);

}  // namespace
}  // namespace oft
