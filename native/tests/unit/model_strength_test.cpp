#include <limits>

#include "foreign_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// The strength of adapters, the same on whatever holds the model.
class ModelStrengthTest : public ::testing::TestWithParam<Holder> {
 protected:
  ModelStrengthTest() { at::manual_seed(80); }

  OFTModel make(const OFTModelOptions& options = {}) {
    OFTModel model(network_.tree, targets({"fc1", "fc2"}), "default", options);
    model.add_adapter("second", targets({"fc2", "head"}, 4));
    randomize(model);
    return model;
  }

  at::Tensor run_at(OFTModel& model, double strength) {
    model.set_adapter_strength("default", strength);
    EXPECT_EQ(model.adapter_strength("default"), strength);
    return run(model, network_);
  }

  TestNetwork network_ = mlp(GetParam(), at::kDouble);
  const at::Tensor base_ = run_plain(network_);
};

INSTANTIATE_TEST_SUITE_P(Holders, ModelStrengthTest,
                         ::testing::Values(Holder::kScript, Holder::kNetwork),
                         ::testing::PrintToStringParamName());

TEST_P(ModelStrengthTest, OneIsTheAdapterAndZeroTheBaseToTheBit) {
  OFTModel model = make();
  const at::Tensor whole = run(model, network_);
  EXPECT_EQ(model.adapter_strength("default"), 1);
  EXPECT_TRUE(run_at(model, 0).equal(base_));
  const at::Tensor half = run_at(model, 0.5);
  EXPECT_GT(max_difference(half, base_), 1e-2);
  EXPECT_GT(max_difference(half, whole), 1e-2);
  EXPECT_TRUE(run_at(model, 1).equal(whole));
  EXPECT_EQ(model.adapter_strength("second"), 1);
}

TEST_P(ModelStrengthTest, PowersAddUp) {
  const TemporaryFolder folder;
  OFTModel model = make();
  const at::Tensor whole = run(model, network_);
  model.save_pretrained(folder.path(), {"default"});
  model.load_adapter(folder.path(), "again");
  const auto together = [&](double first, double second) {
    model.set_adapter_strength("default", first);
    model.set_adapter_strength("again", second);
    return run(model, network_, Names{"default", "again"});
  };
  // Both have float64 parameters, but the file's are float32.
  EXPECT_LT(max_difference(together(0.25, 0.75), whole), 1e-6);
  EXPECT_LT(max_difference(together(1.5, -0.5), whole), 1e-6);
  EXPECT_LT(max_difference(together(-1, 1), base_), 1e-6);
}

TEST_P(ModelStrengthTest, IsThePowerOfEachRotation) {
  const AdapterFile file = foreign_file({
      output_layer("fc1", {random_factor(32, 8), random_factor(32, 4, 0, 2)}),
      output_layer("fc2", {random_factor(16, 8), random_factor(16, 4, 16)}),
      output_layer("head", {random_factor(4, 4)}, at::rand({4, 1}) + 0.5),
  });
  const auto base = parameters_of(*network_.tree);
  OFTModel model = foreign_model(network_, {{"outputs", file}}, targets({"fc1"}));
  for (const double strength : {0.5, 1.5, -1.0, 0.0}) {
    std::map<std::string, at::Tensor> weights;
    for (const AdapterLayer& layer : file.layers)
      weights[layer.name + ".weight"] = turned_weight(
          file, layer.name, base.at(layer.name + ".weight"), LayerKind::kLinear, strength);
    model.set_adapter_strength("outputs", strength);
    const at::Tensor expected = run_with(network_, weights);
    EXPECT_LT(max_difference(run(model, network_), expected), 1e-6) << strength;
    model.merge_adapter();
    EXPECT_LT(max_difference(run(model, network_), expected), 1e-6) << strength;
  }
}

TEST_P(ModelStrengthTest, MergesAtTheStrengthAndUnmerges) {
  for (const bool keep : {true, false}) {
    network_ = mlp(GetParam(), at::kDouble);
    OFTModel model = make({.keep_base_weights = keep});
    const at::Tensor half = run_at(model, 0.5);
    model.merge_adapter();
    EXPECT_LT(max_difference(run(model, network_), half), 1e-12);
    model.set_adapter_strength("second", 2);
    EXPECT_EQ(model.merged_adapters(), Names({"default"})) << "another one's changes no merge";
    model.set_adapter_strength("default", 0.5);
    EXPECT_EQ(model.merged_adapters(), Names({"default"})) << "it was that already";
    model.set_adapter_strength("default", 0.25);
    EXPECT_EQ(model.merged_adapters(), Names());
    EXPECT_LT(max_difference(run(model, network_, Names{}), base_), keep ? 0x1p-60 : 1e-12);
    const at::Tensor quarter = run(model, network_);
    EXPECT_GT(max_difference(quarter, half), 1e-3);
    EXPECT_LT(max_difference(run_tree(model.merge_and_unload(), network_), quarter), 1e-12);
  }
}

TEST_P(ModelStrengthTest, CachedMergedWeightsFollow) {
  OFTModel plain = make();
  at::manual_seed(81);
  randomize(plain);
  OFTModel model = make({.cache_merged_weights = true});
  at::manual_seed(81);
  randomize(model);
  for (const double strength : {1.0, 0.5, 0.0})
    EXPECT_LT(max_difference(run_at(model, strength), run_at(plain, strength)), 1e-12);
}

TEST_P(ModelStrengthTest, FollowsItsParameters) {
  const TemporaryFolder folder;
  OFTModel model = make();
  model.save_pretrained(folder.path(), {"default"});
  const at::Tensor before = run_at(model, 0.5);
  randomize(model);
  const at::Tensor after = run(model, network_);
  EXPECT_GT(max_difference(after, before), 1e-2);
  for (const at::Tensor& parameter : model.trainable_parameters()) {
    // As libtorch's SGD writes, past the count of versions.
    const at::Tensor values = parameter.detach();
    const at::Tensor other =
        at::from_blob(values.mutable_data_ptr(), values.sizes(), values.options());
    other.mul_(0.5);
  }
  EXPECT_GT(max_difference(run(model, network_), after), 1e-3);
  model.load_adapter(folder.path(), "default");
  EXPECT_EQ(model.adapter_strength("default"), 0.5);
  EXPECT_LT(max_difference(run(model, network_), before), 1e-6);
}

TEST_P(ModelStrengthTest, TrainsAtOneOnly) {
  OFTModel model = make();
  model.set_adapter_strength("default", 0.5);
  const std::vector<std::string> remedy{"'default'", "strength 0.5", "set_adapter_strength"};
  expect_error(Status::kInvalidState, remedy, [&] { model.activate(); });
  model.train();
  expect_error(Status::kInvalidState, remedy, [&] { run(model, network_); });
  model.set_adapter({"second"});
  run(model, network_);
  model.train(false);
  {
    model.set_adapter_strength("second", 1);
    const Activation both = model.activate(Names{"second", "default"});  // which does not train
    network_.forward(both, network_.input).sum().backward();
  }
  EXPECT_GT(model.trainable_parameters()[0].grad().abs().max().item<double>(), 0);
  model.set_adapter({"default"});
  model.set_adapter_strength("default", 1);
  const Activation active = model.activate();
  network_.forward(active, network_.input).sum().backward();
  EXPECT_GT(model.trainable_parameters()[0].grad().abs().max().item<double>(), 0);
}

TEST_P(ModelStrengthTest, SavesTheAdapterItselfAndReplacesWhole) {
  OFTConfig config = targets({"fc1"});
  config.bias = "all";
  OFTModel model(network_.tree, config);
  randomize(model);
  {
    const torch::NoGradGuard no_grad;
    for (const at::Tensor& tensor : model.trainable_parameters()) tensor.add_(0.1);
  }
  const AdapterFile whole = model.adapter("default");
  const at::Tensor zero = run_at(model, 0);
  std::map<std::string, at::Tensor> biases;
  for (const auto& [name, tensor] : whole.replacements) biases.emplace(name, tensor);
  EXPECT_EQ(biases.size(), 2U);
  EXPECT_LT(max_difference(zero, run_with(network_, biases)), 1e-12);
  EXPECT_GT(max_difference(zero, base_), 1e-2);
  const AdapterFile saved = model.adapter("default");
  EXPECT_TRUE(saved.layer("fc1").factors[0].q.equal(whole.layer("fc1").factors[0].q));
  EXPECT_EQ(json::parse(model.to_json())["adapters"][0]["strength"], 0.0);
}

TEST_P(ModelStrengthTest, OfOtherFormulasTurnsTheNearestRotation) {
  OFTConfig config = targets({"fc1", "fc2"});
  config.use_cayley_neumann = true;
  config.coft = true;
  config.eps = 0.05;
  OFTModel model(network_.tree, config);
  randomize(model);
  const at::Tensor whole = run(model, network_);
  EXPECT_LT(max_difference(run_at(model, 0.999999), whole), 1e-3);
  EXPECT_TRUE(run_at(model, 0).equal(base_));
}

TEST_P(ModelStrengthTest, RefusesWhatIsNoNumber) {
  OFTModel model = make();
  const at::Tensor expected = run(model, network_);
  for (const double strength :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    expect_error(Status::kInvalidArgument, {"'default'", "finite"},
                 [&] { model.set_adapter_strength("default", strength); });
  expect_error(Status::kNotFound, {"'defalt'", "'default'", "'second'"},
               [&] { model.set_adapter_strength("defalt", 0.5); });
  expect_error(Status::kNotFound, {"'defalt'"}, [&] { model.adapter_strength("defalt"); });
  EXPECT_TRUE(run(model, network_).equal(expected));
}

TEST_P(ModelStrengthTest, WaitsForParameters) {
  const TemporaryFolder folder;
  OFTModel full = make();
  full.save_pretrained(folder.path(), {"default"});
  const at::Tensor half = run_at(full, 0.5);
  OFTModel model(network_.tree, targets({"fc1", "fc2"}), "default", {.low_cpu_mem_usage = true});
  model.set_adapter_strength("default", 0.5);
  model.load_adapter(folder.path(), "default");
  EXPECT_LT(max_difference(run(model, network_), half), 1e-6);
}

}  // namespace
}  // namespace oft
