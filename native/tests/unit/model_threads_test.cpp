#include <atomic>
#include <thread>

#include "model_support.hpp"

namespace oft {
namespace {

using namespace testing;

constexpr int kThreads = 16;

class ModelThreadsTest : public ::testing::TestWithParam<Holder> {};

INSTANTIATE_TEST_SUITE_P(Holders, ModelThreadsTest,
                         ::testing::Values(Holder::kScript, Holder::kNetwork),
                         ::testing::PrintToStringParamName());

/// Runs `use` on many threads while `change` runs on this one.
void beside(const std::function<void()>& change, const std::function<void()>& use) {
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      do use();
      while (!done);
    });
  change();
  done = true;
  for (std::thread& thread : threads) thread.join();
}

/// The number of the output that equals this one to the bit, or none.
std::optional<std::size_t> find_equal(const std::vector<at::Tensor>& allowed,
                                      const at::Tensor& output) {
  for (std::size_t i = 0; i < allowed.size(); ++i)
    if (allowed[i].equal(output)) return i;
  return std::nullopt;
}

void expect_outputs_of_one_moment(Holder holder, const OFTModelOptions& options) {
  at::manual_seed(70);
  const TemporaryFolder folder;
  const TestNetwork network = mlp(holder);
  OFTConfig config = targets({"fc1", "fc2"});
  config.bias = "all";
  OFTModel model(network.tree, config, "first", options);
  model.add_adapter("second", targets({"fc1", "fc2", "head"}, 4));

  // Two versions of "first", of which every layer and bias differs.
  std::vector<at::Tensor> allowed{run_plain(network)};
  for (const std::string version : {"one", "two"}) {
    randomize(model);
    const torch::NoGradGuard no_grad;
    for (const at::Tensor& tensor : model.trainable_parameters()) tensor.normal_(0, 0.1);
    model.save_pretrained(folder / version, {"first"});
  }
  for (const std::string version : {"two", "one"}) {
    model.load_adapter(folder / version / "first", "first");
    for (const Names& names : {Names{"first"}, Names{"second"}, Names{"first", "second"}}) {
      model.set_adapter(names);
      allowed.push_back(run(model, network));
      model.merge_adapter();
      allowed.push_back(run(model, network));
      model.unmerge_adapter();
    }
  }

  std::atomic<int> outputs = 0;
  std::atomic<int> strangers = 0;
  std::vector<std::atomic<int>> seen(allowed.size());
  beside(
      [&] {
        for (int i = 0; i < 60; ++i) {
          model.set_adapter({"second"});
          model.load_adapter(folder / (i % 2 == 0 ? "two" : "one") / "first", "first");
          model.set_adapter({"first"});
          model.merge_adapter();
          model.unmerge_adapter();
          model.set_adapter({"first", "second"});
          model.load_adapter(folder / (i % 2 == 0 ? "one" : "two") / "first", "first");
          model.merge_adapter();
          model.disable_adapter();
          model.enable_adapter();
          model.add_adapter("third", targets({"head"}));
          model.delete_adapter("third");
        }
      },
      [&] {
        const auto found = find_equal(allowed, run(model, network));
        ++outputs;
        if (found)
          ++seen[*found];
        else
          ++strangers;
      });
  EXPECT_EQ(strangers, 0) << "of " << outputs;
  EXPECT_GE(std::ranges::count_if(seen, [](const auto& count) { return count > 0; }), 3);
}

TEST_P(ModelThreadsTest, EveryOutputIsOfOneMoment) { expect_outputs_of_one_moment(GetParam(), {}); }

TEST_P(ModelThreadsTest, EveryOutputIsOfOneMomentWithCachedMergedWeights) {
  expect_outputs_of_one_moment(GetParam(), {.cache_merged_weights = true});
}

TEST_P(ModelThreadsTest, ThreadsUseAdaptersOfTheirOwnChoice) {
  at::manual_seed(71);
  const TestNetwork network = mlp(GetParam());
  OFTModel model(network.tree, targets({"fc1", "fc2"}), "0");
  for (int i = 1; i < 4; ++i) model.add_adapter(std::to_string(i), targets({"fc1", "fc2"}));
  randomize(model);
  std::vector<at::Tensor> expected;
  for (int i = 0; i < 4; ++i) expected.push_back(run(model, network, Names{std::to_string(i)}));
  std::atomic<int> next = 0;
  std::atomic<int> strangers = 0;
  beside(
      [&] {
        for (int i = 0; i < 400; ++i) model.set_adapter({std::to_string(i % 4)});
      },
      [&] {
        const int wanted = next++ % 4;
        const at::Tensor output = run(model, network, Names{std::to_string(wanted)});
        if (!output.equal(expected[static_cast<std::size_t>(wanted)])) ++strangers;
      });
  EXPECT_EQ(strangers, 0);
}

TEST_P(ModelThreadsTest, OneTrainsWithCoftWhileOthersInfer) {
  at::manual_seed(72);
  const TestNetwork network = mlp(GetParam());
  OFTConfig config = targets({"fc1", "fc2"});
  config.coft = true;
  config.eps = 0.3;
  OFTModel model(network.tree, targets({"fc1", "fc2"}), "first");
  model.add_adapter("second", config);
  randomize(model);
  const at::Tensor first = run(model, network);
  std::atomic<int> strangers = 0;
  beside(
      [&] {
        model.train();
        for (int i = 0; i < 100; ++i) {
          const Activation active = model.activate(Names{"second"});
          network.forward(active, network.input).sum();
        }
      },
      [&] {
        if (!run(model, network, Names{"first"}).equal(first)) ++strangers;
      });
  EXPECT_EQ(strangers, 0);
}

TEST_P(ModelThreadsTest, SeeOneStrengthOfAllLayers) {
  at::manual_seed(73);
  const TestNetwork network = mlp(GetParam());
  OFTModel model(network.tree, targets({"fc1", "fc2", "head"}, 4));
  randomize(model);
  const std::vector<double> strengths{1, 0.5, 0, -2};
  std::vector<at::Tensor> allowed;
  for (const double strength : strengths) {
    model.set_adapter_strength("default", strength);
    allowed.push_back(run(model, network));
  }
  std::atomic<int> strangers = 0;
  beside(
      [&] {
        for (int i = 0; i < 100; ++i)
          model.set_adapter_strength("default", strengths[static_cast<std::size_t>(i) % 4]);
      },
      [&] {
        if (!find_equal(allowed, run(model, network))) ++strangers;
      });
  EXPECT_EQ(strangers, 0);
}

}  // namespace
}  // namespace oft
