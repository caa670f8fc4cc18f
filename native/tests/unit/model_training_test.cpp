#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <set>
#include <thread>

#include "model_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// A number that depends on every output, with a graph behind it.
at::Tensor loss_of(OFTModel& model, const TestNetwork& network) {
  const Activation active = model.activate();
  const at::Tensor output = network.forward(active, network.input);
  const at::Tensor weights =
      at::arange(output.numel(), output.options()).add(1).cos().reshape(output.sizes());
  return (output * weights).sum();
}

class ModelTrainingTest : public ::testing::TestWithParam<Holder> {
 protected:
  ModelTrainingTest() { at::manual_seed(60); }

  TestNetwork network_ = mlp(GetParam(), at::kDouble);
};

INSTANTIATE_TEST_SUITE_P(Holders, ModelTrainingTest,
                         ::testing::Values(Holder::kScript, Holder::kNetwork),
                         ::testing::PrintToStringParamName());

/// Compares dL/dv along a random direction v of each parameter with a difference of the loss.
void expect_true_gradients(OFTModel& model, const TestNetwork& network) {
  loss_of(model, network).backward();
  for (const auto& [name, parameter] : model.named_trainable_parameters()) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(parameter.grad().defined());
    const at::Tensor direction = at::randn_like(parameter);
    const double slope = (parameter.grad() * direction).sum().item<double>();
    const double step = 1e-5;
    const torch::NoGradGuard no_grad;
    const at::Tensor start = parameter.detach().clone();
    const auto loss_at = [&](double distance) {
      parameter.copy_(start + direction * distance);
      return loss_of(model, network).item<double>();
    };
    const double difference = (loss_at(step) - loss_at(-step)) / (2 * step);
    parameter.copy_(start);
    EXPECT_GT(std::abs(slope), 1e-6);
    EXPECT_NEAR(slope, difference, 1e-6 * std::max(1.0, std::abs(slope)));
  }
}

TEST_P(ModelTrainingTest, GradientsEqualFiniteDifferences) {
  const OFTConfig exact = targets({"fc1", "fc2", "head"});
  OFTConfig neumann = exact;
  neumann.use_cayley_neumann = true;
  OFTConfig legacy = neumann;
  legacy.peft_version.reset();
  OFTConfig shared = exact;
  shared.block_share = true;
  OFTConfig mixed = exact;
  mixed.rank_pattern = {{"fc1", 16}};
  OFTConfig with_bias = targets({"fc1", "fc2"});
  with_bias.bias = "all";
  with_bias.modules_to_save = {"head"};
  for (const OFTConfig& config : {exact, neumann, legacy, shared, mixed, with_bias}) {
    SCOPED_TRACE(config.to_json());
    OFTModel model(network_.tree, config);
    randomize(model);
    expect_true_gradients(model, network_);
  }
}

TEST_P(ModelTrainingTest, GradientsOfSeveralAdaptersEqualFiniteDifferences) {
  OFTModel model(network_.tree, targets({"fc1", "fc2"}), "first");
  model.add_adapter("second", targets({"fc2", "head"}, 4));
  randomize(model);
  model.set_adapter({"second", "first"});
  EXPECT_EQ(model.trainable_parameters().size(), 2U);
  expect_true_gradients(model, network_);
}

TEST(ModelTraining, GradientsOfEveryKindOfLayerEqualFiniteDifferences) {
  at::manual_seed(61);
  const auto script = [](const char* name, const at::Tensor& input) {
    torch::jit::Module module = load_test_script(name);
    module.to(at::kDouble);
    return script_network(module, input);
  };
  const at::Tensor image = at::randn({2, 8, 12, 10}, at::kDouble);
  const at::Tensor sequence = at::randn({2, 5, 32}, at::kDouble);
  const at::Tensor ids = at::randint(20, {3, 5}, at::kLong);
  const std::vector<std::pair<TestNetwork, OFTConfig>> cases{
      {script("conv_scripted", image), targets({"padded", "strided", "oblong", "line"}, 4)},
      {script("conv_traced", image), targets({"grouped", "depthwise"}, 9)},
      {script("attention_scripted", sequence), targets({"attention.out_proj", "up", "down"})},
      {script("embedding_traced", ids), targets({"tokens", "head"}, 4)},
      {script("conv1d_scripted", at::randn({5, 16}, at::kDouble)), targets({"c_attn", "c_proj"})}};
  for (const auto& [network, config] : cases) {
    OFTModel model(network.tree, config);
    randomize(model);
    expect_true_gradients(model, network);
  }
}

TEST(ModelTraining, SavedModulesKeepStatisticsOfTheirOwn) {
  at::manual_seed(62);
  const TestNetwork network =
      script_network(load_test_script("conv_scripted"), at::randn({4, 8, 12, 10}));
  OFTConfig config = targets({"padded"}, 4);
  config.modules_to_save = {"norm"};
  OFTModel model(network.tree, config);
  const at::Tensor base = run_plain(network);
  EXPECT_LT(max_difference(run(model, network), base), 1e-6);
  EXPECT_EQ(model.named_trainable_parameters().size(), 3U) << "weight and bias, no statistics";
  model.train();
  run(model, network);
  model.train(false);
  for (const auto& [name, buffer] : network.tree->buffers()) {
    if (name != "norm.running_mean") continue;
    EXPECT_GT(max_difference(model.adapter("default").replacements.at(name), buffer), 1e-3);
  }
  EXPECT_FALSE(run(model, network).equal(base));
  EXPECT_TRUE(run(model, network, Names{}).equal(base));
  EXPECT_TRUE(run_plain(network).equal(base));
}

TEST_P(ModelTrainingTest, OnlyTheActiveAdapterGetsGradients) {
  OFTModel model(network_.tree, targets({"fc1"}), "first");
  model.add_adapter("second", targets({"fc2"}));
  network_.input.requires_grad_(true);
  loss_of(model, network_).backward();
  EXPECT_TRUE(network_.input.grad().defined());
  for (const auto& [name, tensor] : network_.tree->parameters()) {
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }
  const auto parameters = model.layer_parameters();
  EXPECT_EQ(parameters[0].name, "fc1.oft_R.first.weight");
  EXPECT_TRUE(parameters[0].grad.defined());
  EXPECT_EQ(parameters[1].name, "fc2.oft_R.second.weight");
  EXPECT_FALSE(parameters[1].grad.defined());

  model.set_adapter({"second"});
  loss_of(model, network_).backward();
  EXPECT_TRUE(model.layer_parameters()[1].grad.defined());
  EXPECT_TRUE(model.layer_parameters()[0].grad.equal(parameters[0].grad)) << "no new one";

  model.disable_adapter();
  EXPECT_TRUE(loss_of(model, network_).requires_grad()) << "by the input";
  model.enable_adapter();
  model.merge_adapter();
  network_.input.requires_grad_(false);
  EXPECT_FALSE(loss_of(model, network_).requires_grad()) << "merged, nothing trains";
}

TEST_P(ModelTrainingTest, LayersSeeTheirPartOfTheGradient) {
  OFTModel model(network_.tree, targets({"fc1", "fc2"}));
  randomize(model);
  loss_of(model, network_).backward();
  const at::Tensor flat = model.trainable_parameters().front();
  const auto parameters = model.layer_parameters();
  EXPECT_TRUE(flat.narrow(0, 0, 2).equal(parameters[0].value));
  EXPECT_TRUE(flat.narrow(0, 2, 4).equal(parameters[1].value));
  EXPECT_TRUE(flat.grad().narrow(0, 2, 4).equal(parameters[1].grad));
  EXPECT_FALSE(parameters[1].value.requires_grad());
}

TEST_P(ModelTrainingTest, InferenceModeFreezesAnAdapter) {
  OFTConfig config = targets({"fc1"});
  config.inference_mode = true;
  OFTModel model(network_.tree, config);
  EXPECT_TRUE(model.trainable_parameters().empty());
  EXPECT_FALSE(loss_of(model, network_).requires_grad());
}

TEST_P(ModelTrainingTest, OptimizersTrainIt) {
  OFTModel model(network_.tree, targets({"fc1", "fc2", "head"}, 4));
  const at::Tensor wanted = at::randn({6, 4}, at::kDouble);
  torch::optim::AdamW optimizer(model.trainable_parameters(), torch::optim::AdamWOptions(3e-2));
  model.train();
  double first = 0;
  double last = 0;
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    at::Tensor loss;
    {
      const Activation active = model.activate();
      loss = at::mse_loss(network_.forward(active, network_.input), wanted);
    }
    loss.backward();
    optimizer.step();
    (step == 0 ? first : last) = loss.item<double>();
  }
  EXPECT_LT(last, 0.7 * first);
  model.train(false);
  EXPECT_NEAR(at::mse_loss(run(model, network_), wanted).item<double>(), last, 0.1 * last);
}

TEST_P(ModelTrainingTest, WhatAnActivationRecordedDiesWithTheLoss) {
  OFTModel model(network_.tree, targets({"fc1", "fc2"}));
  using Node = torch::autograd::Node;
  std::vector<c10::weak_intrusive_ptr<Node>> nodes;
  {
    const at::Tensor loss = loss_of(model, network_);
    std::vector<c10::intrusive_ptr<Node>> open{loss.grad_fn()};
    std::set<Node*> seen;
    while (!open.empty()) {
      const auto node = open.back();
      open.pop_back();
      if (!seen.insert(node.get()).second) continue;
      if (node->name().find("AccumulateGrad") == std::string::npos) nodes.emplace_back(node);
      for (const auto& edge : node->next_edges())
        if (edge.function) open.push_back(edge.function);
    }
  }
  EXPECT_GT(nodes.size(), 8U);
  for (const auto& node : nodes) EXPECT_TRUE(node.expired());
}

TEST_P(ModelTrainingTest, ThreadsTrainTogether) {
  OFTModel model(network_.tree, targets({"fc1", "fc2"}));
  randomize(model);
  loss_of(model, network_).backward();
  const at::Tensor flat = model.trainable_parameters().front();
  const at::Tensor once = flat.grad().clone();
  flat.mutable_grad().reset();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int step = 0; step < 5; ++step) loss_of(model, network_).backward();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(max_difference(flat.grad(), once * 20), 1e-9 * once.abs().max().item<double>() * 20);
}

TEST_P(ModelTrainingTest, DropoutIsRepeatableAndOnlyInTraining) {
  OFTConfig config = targets({"fc1", "fc2"}, 4);
  config.module_dropout = 0.5;
  OFTModel model(network_.tree, config);
  randomize(model);
  const at::Tensor evaluated = run(model, network_);
  EXPECT_TRUE(run(model, network_).equal(evaluated));
  model.train();
  const auto trained = [&](std::uint64_t seed) {
    at::manual_seed(seed);
    return run(model, network_);
  };
  EXPECT_TRUE(trained(1).equal(trained(1)));
  EXPECT_FALSE(trained(1).equal(trained(2)));
  EXPECT_FALSE(trained(1).equal(evaluated));
  at::manual_seed(1);
  loss_of(model, network_).backward();
  for (const auto& parameter : model.layer_parameters()) {
    const at::Tensor rows = parameter.grad.ne(0).any(1);
    EXPECT_EQ(rows.sum().item<std::int64_t>(), rows.numel() / 2) << "half of the blocks are I";
  }
  model.train(false);
  EXPECT_TRUE(run(model, network_).equal(evaluated));
}

TEST_P(ModelTrainingTest, DropoutOfAllBlocksIsTheBaseButSharedOnesStay) {
  OFTConfig config = targets({"fc1", "fc2"}, 4);
  config.module_dropout = 1.0;
  OFTModel model(network_.tree, config);
  randomize(model);
  model.train();
  EXPECT_LT(max_difference(run(model, network_), run_plain(network_)), 1e-12);
  config.block_share = true;
  OFTModel shared(network_.tree, config);
  randomize(shared);
  const at::Tensor evaluated = run(shared, network_);
  shared.train();
  EXPECT_TRUE(run(shared, network_).equal(evaluated));
}

TEST_P(ModelTrainingTest, CoftHoldsParametersWithinTheRadiusOfTheirLayer) {
  OFTConfig config = targets({"fc1", "fc2"}, 4);
  config.coft = true;
  config.eps = 0.2;
  OFTModel model(network_.tree, config);
  randomize(model);
  const at::Tensor flat = model.trainable_parameters().front();
  const at::Tensor start = flat.detach().clone();
  const at::Tensor evaluated = run(model, network_);
  EXPECT_TRUE(flat.equal(start)) << "evaluation projects a copy";
  loss_of(model, network_).backward();
  const at::Tensor gradient = flat.grad().clone();
  EXPECT_TRUE(flat.equal(start));

  model.train();
  EXPECT_LT(max_difference(run(model, network_), evaluated), 1e-9);
  for (const auto& parameter : model.layer_parameters()) {
    const at::Tensor norms = parameter.value.norm(2, {1}) * std::sqrt(2.0);
    const double radius = 0.2 / std::sqrt(static_cast<double>(parameter.value.size(0)));
    EXPECT_NEAR(norms.max().item<double>(), radius, 1e-7) << parameter.name;
  }
  flat.mutable_grad().reset();
  loss_of(model, network_).backward();
  EXPECT_LT(max_difference(flat.grad(), gradient), 1e-6)
      << "the gradient is that at the projected point in both modes";

  torch::optim::SGD optimizer(model.trainable_parameters(), torch::optim::SGDOptions(10.0));
  optimizer.step();
  run(model, network_);
  for (const auto& parameter : model.layer_parameters()) {
    const at::Tensor norms = parameter.value.norm(2, {1}) * std::sqrt(2.0);
    const double radius = 0.2 / std::sqrt(static_cast<double>(parameter.value.size(0)));
    EXPECT_LT(norms.max().item<double>(), radius + 1e-7) << "the optimizer's tensor is projected";
  }
}

TEST_P(ModelTrainingTest, BiasesAndSavedModulesBelongToTheirAdapter) {
  const TemporaryFolder folder;
  const at::Tensor base = run_plain(network_);
  const auto before = copies_of(*network_.tree);
  OFTConfig config = targets({"fc1", "fc2"});
  config.bias = "oft_only";
  config.modules_to_save = {"head"};
  OFTModel model(network_.tree, config);
  model.add_adapter("plain", targets({"fc1"}));
  std::set<std::string> names;
  for (const auto& [name, tensor] : model.named_trainable_parameters()) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"oft_R.default.b8", "fc1.modules_to_save.default.bias",
                                          "fc2.modules_to_save.default.bias",
                                          "head.modules_to_save.default.weight"}));
  EXPECT_LT(max_difference(run(model, network_), base), 1e-12);
  torch::optim::SGD optimizer(model.trainable_parameters(), torch::optim::SGDOptions(0.1));
  loss_of(model, network_).backward();
  optimizer.step();
  for (const auto& [name, tensor] : model.named_trainable_parameters()) {
    EXPECT_TRUE(tensor.grad().defined()) << name;
  }

  const at::Tensor adapted = run(model, network_);
  EXPECT_GT(max_difference(adapted, base), 1e-2);
  EXPECT_LT(max_difference(run(model, network_, Names{"plain"}), base), 1e-12);
  model.disable_adapter();
  EXPECT_TRUE(run(model, network_).equal(base));
  model.enable_adapter();
  expect_equal(parameters_of(*network_.tree), before);

  model.save_pretrained(folder.path(), {"default"});
  const AdapterFile file = AdapterFile::load(folder.path());
  EXPECT_EQ(file.replacements.size(), 3U);
  const TestNetwork fresh = mlp(GetParam(), at::kDouble);
  OFTModel loaded = OFTModel::from_pretrained(fresh.tree, folder.path());
  EXPECT_TRUE(run(loaded, fresh).equal(adapted));

  for (const bool keep : {true, false}) {
    const TestNetwork again = mlp(GetParam(), at::kDouble);
    OFTModel merging = OFTModel::from_pretrained(again.tree, folder.path(), "default", {},
                                                 {.keep_base_weights = keep});
    merging.merge_adapter();
    EXPECT_LT(max_difference(run(merging, again), adapted), 1e-12);
    merging.unmerge_adapter();
    EXPECT_LT(max_difference(run(merging, again, Names{}), base), 1e-12);
    EXPECT_LT(max_difference(run_tree(merging.merge_and_unload(), again), adapted), 1e-12);
  }
}

TEST_P(ModelTrainingTest, TwoAdaptersCannotReplaceOneParameter) {
  OFTConfig config = targets({"fc1"});
  config.bias = "all";
  OFTModel model(network_.tree, config, "first");
  model.add_adapter("second", config);
  const std::vector<std::string> text{"'first' and 'second'", "'fc1.bias'", "one of them"};
  expect_error(Status::kInvalidArgument, text, [&] { model.set_adapter({"first", "second"}); });
  expect_error(Status::kInvalidArgument, text, [&] { model.activate(Names{"first", "second"}); });
  model.merge_adapter();
  expect_error(Status::kInvalidArgument, text, [&] { model.merge_adapter(Names{"second"}); });
  EXPECT_EQ(model.merged_adapters(), Names({"first"}));
}

TEST_P(ModelTrainingTest, LoadingIntoAnAdapterKeepsItsTensors) {
  const TemporaryFolder folder;
  OFTModel model(network_.tree, targets({"fc1", "fc2"}));
  randomize(model);
  const at::Tensor saved = run(model, network_);
  model.save_pretrained(folder.path());
  const at::Tensor flat = model.trainable_parameters().front();
  randomize(model);
  loss_of(model, network_).backward();
  EXPECT_FALSE(run(model, network_).equal(saved));
  model.load_adapter(folder.path(), "default");
  EXPECT_TRUE(run(model, network_).equal(saved));
  EXPECT_TRUE(model.trainable_parameters().front().is_same(flat));
  EXPECT_FALSE(flat.grad().defined()) << "it was a gradient of other values";
  torch::optim::SGD optimizer({flat}, torch::optim::SGDOptions(0.1));
  loss_of(model, network_).backward();
  optimizer.step();
  EXPECT_FALSE(run(model, network_).equal(saved));

  OFTModel other(network_.tree, targets({"fc1", "fc2"}, 4));
  const at::Tensor previous = other.trainable_parameters().front();
  other.load_adapter(folder.path(), "default");
  EXPECT_TRUE(run(other, network_).equal(saved));
  EXPECT_FALSE(other.trainable_parameters().front().is_same(previous));
  EXPECT_TRUE(other.trainable_parameters().front().requires_grad());
}

TEST_P(ModelTrainingTest, InferenceModeDoesNotStick) {
  std::optional<OFTModel> model;
  {
    const c10::InferenceMode inference;
    model.emplace(network_.tree, targets({"fc1", "fc2"}));
    randomize(*model);
    model->activate();
    model->merge_adapter();
    model->activate();
    model->unmerge_adapter();
  }
  const at::Tensor loss = loss_of(*model, network_);
  loss.backward();
  EXPECT_TRUE(model->trainable_parameters().front().grad().defined());
}

/// Counts the instances that are made.
class CountingTree final : public ModuleTree {
 public:
  explicit CountingTree(std::shared_ptr<ModuleTree> inner) : inner_(std::move(inner)) {}

  const std::vector<Layer>& modules() const override { return inner_->modules(); }
  std::int64_t groups(std::size_t module) const override { return inner_->groups(module); }
  std::vector<NamedTensor> parameters() const override { return inner_->parameters(); }
  std::vector<NamedTensor> buffers() const override { return inner_->buffers(); }
  std::vector<Placement> prepare(const std::vector<std::size_t>& targets) override {
    return inner_->prepare(targets);
  }
  std::shared_ptr<ModuleInstance> instantiate(const Assignments& assignments,
                                              bool training) override {
    ++count;
    return inner_->instantiate(assignments, training);
  }
  std::shared_ptr<ModuleTree> with_tensors(
      const std::map<std::string, at::Tensor>& tensors) override {
    return inner_->with_tensors(tensors);
  }

  std::atomic<int> count = 0;

 private:
  std::shared_ptr<ModuleTree> inner_;
};

TEST_P(ModelTrainingTest, RotationsAreComputedOnceUntilParametersChange) {
  const auto tree = std::make_shared<CountingTree>(network_.tree);
  OFTModel model(tree, targets({"fc1", "fc2"}), "first");
  model.add_adapter("second", targets({"fc1"}));
  randomize(model);
  const auto made_by = [&](const std::function<void()>& action) {
    const int before = tree->count;
    action();
    return tree->count - before;
  };
  const auto use_all = [&] {
    for (int i = 0; i < 3; ++i)
      for (const Names& names : {Names{"first"}, Names{"second"}, Names{"first", "second"}})
        run(model, network_, names);
  };
  EXPECT_EQ(made_by(use_all), 3);
  EXPECT_EQ(made_by(use_all), 0);
  const auto switch_and_use = [&](const std::string& name) {
    model.set_adapter({name});
    use_all();
    run(model, network_);
  };
  EXPECT_EQ(made_by([&] { switch_and_use("second"); }), 0);
  EXPECT_EQ(made_by([&] { switch_and_use("first"); }), 0);

  torch::optim::SGD optimizer(model.trainable_parameters(), torch::optim::SGDOptions(0.1));
  EXPECT_EQ(made_by([&] { loss_of(model, network_).backward(); }), 1) << "of its own";
  const at::Tensor stale = run(model, network_);
  optimizer.step();
  EXPECT_EQ(made_by(use_all), 2) << "those with the adapter that was stepped";
  EXPECT_FALSE(run(model, network_).equal(stale));

  EXPECT_EQ(made_by([&] {
              model.merge_adapter();
              use_all();
              run(model, network_);
            }),
            1);
  EXPECT_EQ(made_by([&] {
              model.unmerge_adapter();
              use_all();
            }),
            0);
  EXPECT_EQ(made_by([&] {
              for (int i = 0; i < 3; ++i) loss_of(model, network_);
            }),
            3)
      << "a graph each";

  std::vector<std::thread> threads;
  model.disable_adapter();
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { run(model, network_); });
  EXPECT_EQ(made_by([&] {
              for (std::thread& thread : threads) thread.join();
            }) <= 1,
            true);
}

}  // namespace
}  // namespace oft
