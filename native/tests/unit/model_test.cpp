#include "oft/model.hpp"

#include "model_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// The life of adapters, the same on whatever holds the model.
class ModelTest : public ::testing::TestWithParam<Holder> {
 protected:
  ModelTest() { at::manual_seed(40); }

  OFTModel make(const OFTModelOptions& options = {}) {
    OFTModel model(network_.tree, targets({"fc1", "fc2"}), "default", options);
    model.add_adapter("second", targets({"fc2", "head"}, 4));
    randomize(model);
    return model;
  }

  TestNetwork network_ = mlp(GetParam());
  const at::Tensor base_ = run_plain(network_);
};

INSTANTIATE_TEST_SUITE_P(Holders, ModelTest, ::testing::Values(Holder::kScript, Holder::kNetwork),
                         ::testing::PrintToStringParamName());

TEST_P(ModelTest, StartsAsTheBase) {
  OFTModel model(network_.tree, targets({"fc1", "fc2", "head"}));
  EXPECT_EQ(model.adapter_names(), Names({"default"}));
  EXPECT_EQ(model.active_adapters(), Names({"default"}));
  EXPECT_EQ(model.merged_adapters(), Names());
  EXPECT_FALSE(model.is_training());
  EXPECT_LT(max_difference(run(model, network_), base_), 1e-6);
  randomize(model);
  EXPECT_GT(max_difference(run(model, network_), base_), 1e-2);
}

TEST_P(ModelTest, MergedOutputEqualsTheUnmergedOne) {
  OFTModel model = make();
  const auto before = copies_of(*network_.tree);
  const at::Tensor expected = run(model, network_);
  model.merge_adapter();
  EXPECT_EQ(model.merged_adapters(), Names({"default"}));
  EXPECT_LT(max_difference(run(model, network_), expected), 2e-6);
  model.unmerge_adapter();
  EXPECT_EQ(model.merged_adapters(), Names());
  EXPECT_TRUE(run(model, network_).equal(expected));
  expect_equal(parameters_of(*network_.tree), before);
}

TEST_P(ModelTest, CachedMergedWeightsGiveTheUnmergedOutputs) {
  OFTModel model = make({.cache_merged_weights = true});
  for (const Names& names : {Names{"default"}, Names{"second"}, Names{"default", "second"}}) {
    model.train();
    const at::Tensor unmerged = run(model, network_, names);
    model.train(false);
    const at::Tensor merged = run(model, network_, names);
    EXPECT_LT(max_difference(merged, unmerged), 2e-6);
    if (GetParam() == Holder::kScript) {
      EXPECT_FALSE(merged.equal(unmerged)) << "weights were not merged";
    }
    EXPECT_TRUE(run(model, network_, names).equal(merged));
  }
  const at::Tensor before = run(model, network_);
  randomize(model, 0.3);
  EXPECT_GT(max_difference(run(model, network_), before), 1e-3);

  const Activation active = model.activate();  // which records
  network_.forward(active, network_.input).sum().backward();
  for (const at::Tensor& parameter : model.trainable_parameters())
    EXPECT_GT(parameter.grad().abs().max().item<double>(), 0);
}

TEST_P(ModelTest, CachedMergedWeightsAreNotTheBases) {
  OFTModel model = make({.cache_merged_weights = true});
  const auto before = copies_of(*network_.tree);
  EXPECT_GT(max_difference(run(model, network_), base_), 1e-2);
  expect_equal(parameters_of(*network_.tree), before);
  model.disable_adapter();
  EXPECT_TRUE(run(model, network_).equal(base_));
}

TEST_P(ModelTest, SeveralAdaptersKeepTheirOrderInForwardAndMerge) {
  OFTModel model = make();
  for (const Names& names : {Names{"default", "second"}, Names{"second", "default"}}) {
    model.set_adapter(names);
    EXPECT_EQ(model.active_adapters(), names);
    const at::Tensor expected = run(model, network_);
    model.merge_adapter();
    EXPECT_EQ(model.merged_adapters(), names);
    EXPECT_LT(max_difference(run(model, network_), expected), 2e-6);
    model.unmerge_adapter();
  }
  EXPECT_GT(max_difference(run(model, network_, Names{"default", "second"}),
                           run(model, network_, Names{"second", "default"})),
            1e-3);
}

TEST_P(ModelTest, MergesOnTopAsIfAtOnce) {
  for (const bool keep : {true, false}) {
    network_ = mlp(GetParam());
    OFTModel model = make({.keep_base_weights = keep});
    const at::Tensor expected = run(model, network_, Names{"default", "second"});
    model.merge_adapter(Names{"default"});
    const at::Tensor first = run(model, network_);
    model.merge_adapter(Names{"default"});
    EXPECT_TRUE(run(model, network_).equal(first)) << "merged already";
    model.merge_adapter(Names{"second"});
    EXPECT_EQ(model.merged_adapters(), Names({"default", "second"}));
    EXPECT_LT(max_difference(run(model, network_), expected), 2e-6);
    model.unmerge_adapter();
    EXPECT_LT(max_difference(run(model, network_, Names{}), base_), keep ? 0x1p-60 : 2e-6);
  }
}

TEST_P(ModelTest, ActivatesByNameWithoutASwitch) {
  OFTModel model = make();
  const at::Tensor first = run(model, network_);
  const at::Tensor second = run(model, network_, Names{"second"});
  EXPECT_EQ(model.active_adapters(), Names({"default"}));
  EXPECT_GT(max_difference(first, second), 1e-2);
  EXPECT_TRUE(run(model, network_, Names{}).equal(base_));
  model.set_adapter({"second"});
  EXPECT_TRUE(run(model, network_).equal(second));
  model.merge_adapter();
  EXPECT_TRUE(run(model, network_, Names{"default"}).equal(first)) << "names count, not the merge";
}

TEST_P(ModelTest, DisabledItIsTheBase) {
  OFTModel model = make();
  const at::Tensor adapted = run(model, network_);
  model.disable_adapter();
  EXPECT_FALSE(model.is_enabled());
  EXPECT_TRUE(run(model, network_).equal(base_));
  model.enable_adapter();
  EXPECT_TRUE(run(model, network_).equal(adapted));
  model.merge_adapter();
  const at::Tensor merged = run(model, network_);
  model.disable_adapter();
  EXPECT_TRUE(run(model, network_).equal(base_));
  model.enable_adapter();
  EXPECT_TRUE(run(model, network_).equal(merged));
}

TEST_P(ModelTest, WithoutACopyUnmergeMultipliesByTheInverse) {
  OFTModel model = make({.keep_base_weights = false});
  const auto before = copies_of(*network_.tree);
  const at::Tensor expected = run(model, network_);
  model.merge_adapter();
  EXPECT_LT(max_difference(run(model, network_), expected), 2e-6);
  expect_error(Status::kInvalidState, {"unmerge_adapter", "keep_base_weights"},
               [&] { model.disable_adapter(); });
  expect_error(Status::kInvalidState, {"'default'", "unmerge_adapter"},
               [&] { run(model, network_, Names{"second"}); });
  model.unmerge_adapter();
  EXPECT_LT(max_difference(run(model, network_, Names{}), base_), 2e-6);
  EXPECT_LT(max_difference(run(model, network_), expected), 2e-6);
  model.disable_adapter();
  expect_error(Status::kInvalidState, {"enable_adapter"}, [&] { model.merge_adapter(); });
}

TEST_P(ModelTest, ChangesOfAdaptersUnmergeFirst) {
  for (const bool keep : {true, false}) {
    network_ = mlp(GetParam());
    OFTModel model = make({.keep_base_weights = keep});
    const at::Tensor second = run(model, network_, Names{"second"});
    const at::Tensor first = run(model, network_);
    model.merge_adapter();
    model.set_adapter({"second"});
    EXPECT_EQ(model.merged_adapters(), Names());
    EXPECT_LT(max_difference(run(model, network_), second), 2e-6);
    model.merge_adapter();
    model.add_adapter("third", targets({"fc1"}));
    EXPECT_EQ(model.merged_adapters(), Names());
    EXPECT_LT(max_difference(run(model, network_, Names{"default"}), first), 2e-6);
  }
}

TEST_P(ModelTest, MergeAndUnloadLeavesNoTrace) {
  OFTModel model = make();
  const at::Tensor expected = run(model, network_, Names{"second", "default"});
  std::vector<std::pair<std::int64_t, std::int64_t>> steps;
  const MergeAndUnloadOptions options{.progress =
                                          [&](std::int64_t done, std::int64_t total) {
                                            steps.emplace_back(done, total);
                                            return true;
                                          },
                                      .safe_merge = true,
                                      .adapter_names = Names{"second", "default"}};
  const auto tree = model.merge_and_unload(options);
  EXPECT_EQ(steps, (std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 3}, {2, 3}, {3, 3}}));
  EXPECT_LT(max_difference(run_tree(tree, network_), expected), 2e-6);
  EXPECT_EQ(parameters_of(*tree).size(), parameters_of(*network_.tree).size());
  expect_error(Status::kInvalidState, {"unloaded"}, [&] { model.activate(); });
  expect_error(Status::kInvalidState, {"unloaded"}, [&] { model.adapter_names(); });
  expect_error(Status::kInvalidState, {"unloaded"}, [&] { model.merge_and_unload(); });
  EXPECT_EQ(json::parse(model.to_json())["adapters"], json::array());
}

TEST_P(ModelTest, CancelledMergeLeavesAllAsItWas) {
  OFTModel model = make();
  const auto before = copies_of(*network_.tree);
  const at::Tensor expected = run(model, network_);
  expect_error(Status::kCancelled, {"1 of 2 layers"}, [&] {
    model.merge_and_unload({.progress = [](std::int64_t, std::int64_t) { return false; }});
  });
  EXPECT_EQ(model.active_adapters(), Names({"default"}));
  EXPECT_TRUE(run(model, network_).equal(expected));
  expect_equal(parameters_of(*network_.tree), before);
}

TEST_P(ModelTest, UnloadKeepsWhatIsMerged) {
  {
    OFTModel model = make();
    EXPECT_TRUE(run_tree(model.unload(), network_).equal(base_));
  }
  for (const bool keep : {true, false}) {
    network_ = mlp(GetParam());
    OFTModel model = make({.keep_base_weights = keep});
    model.merge_adapter();
    const at::Tensor merged = run(model, network_);
    EXPECT_TRUE(run_tree(model.unload(), network_).equal(merged));
  }
}

TEST_P(ModelTest, MergeAndUnloadGoesOnFromWhatIsMerged) {
  for (const bool keep : {true, false}) {
    network_ = mlp(GetParam());
    OFTModel model = make({.keep_base_weights = keep});
    const at::Tensor expected = run(model, network_, Names{"default", "second"});
    model.merge_adapter();
    const auto tree = model.merge_and_unload({.adapter_names = Names{"second"}});
    EXPECT_LT(max_difference(run_tree(tree, network_), expected), 2e-6);
  }
}

TEST_P(ModelTest, SafeMergeRefusesWhatIsNotFinite) {
  OFTModel model = make();
  const at::Tensor expected = run(model, network_, Names{"second"});
  for (const OFTModel::LayerParameter& parameter : model.layer_parameters())
    if (parameter.name == "fc2.oft_R.default.weight")
      parameter.value.fill_(std::numeric_limits<double>::quiet_NaN());
  expect_error(Status::kInvalidArgument, {"layer 'fc2'", "not finite"},
               [&] { model.merge_adapter(std::nullopt, /*safe_merge=*/true); });
  EXPECT_EQ(model.merged_adapters(), Names());
  EXPECT_TRUE(run(model, network_, Names{"second"}).equal(expected));
  model.merge_adapter();
  EXPECT_FALSE(run(model, network_).isfinite().all().item<bool>());
}

TEST_P(ModelTest, DeletesAdapters) {
  OFTModel model = make();
  const at::Tensor second = run(model, network_, Names{"second"});
  model.merge_adapter();
  expect_error(Status::kInvalidState, {"'default' is merged", "unmerge_adapter"},
               [&] { model.delete_adapter("default"); });
  model.unmerge_adapter();
  model.delete_adapter("default");
  EXPECT_EQ(model.adapter_names(), Names({"second"}));
  EXPECT_EQ(model.active_adapters(), Names({"second"}));
  EXPECT_TRUE(run(model, network_).equal(second));
  EXPECT_FALSE(model.trainable_parameters().empty());
  model.delete_adapter("second");
  EXPECT_EQ(model.active_adapters(), Names());
  EXPECT_TRUE(run(model, network_).equal(base_));
  EXPECT_TRUE(model.trainable_parameters().empty());
}

TEST_P(ModelTest, UnknownNamesListTheKnownOnes) {
  OFTModel model = make();
  const std::vector<std::string> known{"'secnd'", "'default'", "'second'"};
  expect_error(Status::kNotFound, known, [&] { model.set_adapter({"secnd"}); });
  expect_error(Status::kNotFound, known, [&] { model.delete_adapter("secnd"); });
  expect_error(Status::kNotFound, known, [&] { model.activate(Names{"secnd"}); });
  expect_error(Status::kNotFound, known, [&] { model.merge_adapter(Names{"secnd"}); });
  expect_error(Status::kNotFound, known,
               [&] { model.merge_and_unload({.adapter_names = Names{"secnd"}}); });
  expect_error(Status::kNotFound, known, [&] { model.adapter("secnd"); });
  expect_error(Status::kNotFound, known, [&] { model.save_pretrained("unused", {"secnd"}); });
  EXPECT_EQ(model.active_adapters(), Names({"default"}));
}

TEST_P(ModelTest, NamesMustBeNewAndFitFolders) {
  OFTModel model = make();
  expect_error(Status::kInvalidArgument, {"'second' already"},
               [&] { model.add_adapter("second", targets({"fc1"})); });
  for (const std::string name : {"", "a.b", "a/b"})
    expect_error(Status::kInvalidArgument, {"dot or a slash"},
                 [&] { model.add_adapter(name, targets({"fc1"})); });
  expect_error(Status::kInvalidArgument, {"'second' is named twice"}, [&] {
    model.set_adapter({"second", "second"});
  });
  EXPECT_EQ(model.adapter_names(), Names({"default", "second"}));
}

TEST_P(ModelTest, ConfigThatDoesNotFitChangesNothing) {
  OFTModel model = make();
  const at::Tensor expected = run(model, network_);
  expect_error(Status::kInvalidArgument, {"target_modules", "fc2"},
               [&] { model.add_adapter("third", targets({"fc3"})); });
  OFTConfig bad = targets({"fc1"});
  bad.oft_block_size = -1;
  expect_error(Status::kInvalidArgument, {"oft_block_size"},
               [&] { model.add_adapter("third", bad); });
  EXPECT_EQ(model.adapter_names(), Names({"default", "second"}));
  EXPECT_TRUE(run(model, network_).equal(expected));
  expect_error(Status::kInvalidArgument, {"null"}, [&] { OFTModel(nullptr, targets({"fc1"})); });
}

TEST_P(ModelTest, SavesAndLoads) {
  const TemporaryFolder folder;
  OFTModel model = make();
  const at::Tensor first = run(model, network_);
  const at::Tensor second = run(model, network_, Names{"second"});
  model.save_pretrained(folder.path());
  EXPECT_TRUE(fs::exists(folder / "adapter_model.safetensors"));
  EXPECT_TRUE(fs::exists(folder / "second/adapter_model.safetensors"));
  EXPECT_TRUE(AdapterFile::load(folder.path()).config.inference_mode);

  const TestNetwork fresh = mlp(GetParam());
  OFTModel loaded = OFTModel::from_pretrained(fresh.tree, folder.path());
  EXPECT_EQ(loaded.active_adapters(), Names({"default"}));
  EXPECT_TRUE(loaded.trainable_parameters().empty());
  EXPECT_TRUE(run(loaded, fresh).equal(first));
  loaded.load_adapter(folder / "second", "other", {.is_trainable = true});
  EXPECT_EQ(loaded.active_adapters(), Names({"default"}));
  EXPECT_TRUE(run(loaded, fresh, Names{"other"}).equal(second));
  loaded.set_adapter({"other"});
  EXPECT_EQ(loaded.trainable_parameters().size(), 1U);
}

TEST_P(ModelTest, ReportsItself) {
  OFTModel model = make();
  const json report = json::parse(model.to_json());
  EXPECT_EQ(report["active"], json({"default"}));
  EXPECT_EQ(report["merged"], json::array());
  EXPECT_EQ(report["enabled"], true);
  EXPECT_EQ(report["training"], false);
  ASSERT_EQ(report["adapters"].size(), 2U);
  EXPECT_EQ(report["adapters"][0]["name"], "default");
  EXPECT_EQ(report["adapters"][0]["trainable"], true);
  EXPECT_EQ(report["adapters"][1]["trainable"], false);
  EXPECT_EQ(report["adapters"][1]["config"]["oft_block_size"], 4);
  const std::int64_t parameters = (16 + 32) / 8 * 28;  // blocks of 8 hold 8 * 7 / 2
  EXPECT_EQ(report["adapters"][0]["parameters"], parameters);
  EXPECT_EQ(report["trainable_parameters"], parameters);
  EXPECT_EQ(report["all_parameters"],
            16 * 32 + 32 + 32 * 32 + 32 + 32 * 4 + parameters + 64 / 4 * 6);
  ASSERT_EQ(report["layers"].size(), 4U);
  EXPECT_EQ(report["layers"][0],
            json({{"name", "fc1"},
                  {"kind", "Linear"},
                  {"placement", GetParam() == Holder::kScript ? "graph" : "weight"},
                  {"features", 16},
                  {"block_size", 8},
                  {"blocks", 2},
                  {"side", "input"},
                  {"adapter", "default"},
                  {"parameter", "fc1.oft_R.default.weight"}}));
  EXPECT_EQ(report["trainable_names"], json({"oft_R.default.b8"}));
}

TEST_P(ModelTest, WithoutParametersAnAdapterWaitsForAFile) {
  const TemporaryFolder folder;
  make().save_pretrained(folder.path(), {"default"});
  network_ = mlp(GetParam());
  OFTModel model(network_.tree, targets({"fc1", "fc2"}), "default", {.low_cpu_mem_usage = true});
  for (const std::function<void()>& use : std::vector<std::function<void()>>{
           [&] { model.activate(); }, [&] { model.merge_adapter(); },
           [&] { model.trainable_parameters(); }, [&] { model.save_pretrained("unused"); }})
    expect_error(Status::kInvalidState, {"'default'", "low_cpu_mem_usage", "load_adapter"}, use);
  EXPECT_TRUE(run(model, network_, Names{}).equal(base_));
  EXPECT_EQ(json::parse(model.to_json())["adapters"][0]["parameters"], 0);
  model.load_adapter(folder.path(), "default");
  EXPECT_GT(max_difference(run(model, network_), base_), 1e-2);
  EXPECT_EQ(model.trainable_parameters().size(), 1U);
}

TEST_P(ModelTest, RankPatternSizesLayers) {
  OFTConfig config = targets({"fc1", "fc2"});
  config.rank_pattern = {{"fc2", 16}};
  OFTModel model(network_.tree, config);
  randomize(model);
  const auto parameters = model.layer_parameters();
  EXPECT_EQ(parameters[0].value.sizes(), at::IntArrayRef({2, 28}));
  EXPECT_EQ(parameters[1].value.sizes(), at::IntArrayRef({2, 120}));
  EXPECT_EQ(model.trainable_parameters().size(), 2U) << "one for each block size";
  const at::Tensor expected = run(model, network_);
  model.merge_adapter();
  EXPECT_LT(max_difference(run(model, network_), expected), 2e-6);
}

TEST_P(ModelTest, BlocksOfOneTurnNothing) {
  OFTModel model(network_.tree, targets({"fc1", "fc2"}, 1));
  EXPECT_TRUE(model.trainable_parameters().empty());
  EXPECT_TRUE(run(model, network_).equal(base_));
  const TemporaryFolder folder;
  model.save_pretrained(folder.path());
  EXPECT_EQ(AdapterFile::load(folder.path()).layer("fc1").factors.front().q.sizes(),
            at::IntArrayRef({16, 0}));
  model.merge_adapter();
  EXPECT_TRUE(run(model, network_).equal(base_));
}

TEST_P(ModelTest, AllLinearIsSavedByName) {
  OFTConfig config = targets({});
  config.target_modules = "All-Linear";
  OFTModel model(network_.tree, config);
  EXPECT_EQ(model.adapter("default").config.target_modules,
            StringOrList(Names{"fc1", "fc2", "head"}));
}

TEST_P(ModelTest, SixteenBitWeightsAreEqualToTheBitAfterAThousandMerges) {
  network_ = mlp(GetParam(), at::kBFloat16);
  OFTModel model = make();
  const auto before = copies_of(*network_.tree);
  const at::Tensor unmerged = run(model, network_);
  at::Tensor merged;
  for (int i = 0; i < 1000; ++i) {
    model.merge_adapter();
    if (i == 0) merged = run(model, network_);
    model.unmerge_adapter();
  }
  expect_equal(parameters_of(*network_.tree), before);
  EXPECT_TRUE(run(model, network_).equal(unmerged));
  EXPECT_LT(max_difference(merged, unmerged), 0.05);
}

}  // namespace
}  // namespace oft
