#include <torch/torch.h>

#include <atomic>
#include <thread>

#include "oft/functional.hpp"
#include "oft/module_tree.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;
using namespace torch::nn;

/// Every kind of module, in every kind of container, one of them under two names.
struct NetImpl : Module {
  Embedding embedding = register_module("embedding", Embedding(10, 6));
  Sequential convolutions = register_module(
      "convolutions", Sequential(Conv1d(Conv1dOptions(4, 6, 3).groups(2)), BatchNorm1d(6), ReLU()));
  ModuleList blocks =
      register_module("blocks", ModuleList(Linear(6, 6), LayerNorm(LayerNormOptions({6}))));
  Linear head = register_module("head", Linear(LinearOptions(6, 3).bias(false)));
  Linear again = register_module("again", head);
  at::Tensor scale = register_parameter("scale", at::ones({1}));
};
TORCH_MODULE(Net);

std::size_t index_of(const ModuleTree& tree, const std::string& name) {
  for (std::size_t i = 0; i < tree.modules().size(); ++i)
    if (tree.modules()[i].name == name) return i;
  throw std::runtime_error("no module " + name);
}

std::map<std::string, at::Tensor> by_name(const std::vector<NamedTensor>& tensors) {
  return {tensors.begin(), tensors.end()};
}

/// An instance entered for the time of a scope.
class Entered {
 public:
  explicit Entered(ModuleInstance& instance) : instance_(instance) { instance_.enter(); }
  ~Entered() { instance_.leave(); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  ModuleInstance& instance_;
};

TEST(NnTree, ListsModulesByNameAndKind) {
  const auto tree = nn_tree(Net().ptr());
  const std::vector<std::pair<std::string, LayerKind>> expected{
      {"embedding", LayerKind::kEmbedding},
      {"convolutions", LayerKind::kOther},
      {"convolutions.0", LayerKind::kConv1d},
      {"convolutions.1", LayerKind::kOther},
      {"convolutions.2", LayerKind::kOther},
      {"blocks", LayerKind::kOther},
      {"blocks.0", LayerKind::kLinear},
      {"blocks.1", LayerKind::kOther},
      {"head", LayerKind::kLinear}};
  ASSERT_EQ(tree->modules().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(tree->modules()[i].name, expected[i].first);
    EXPECT_EQ(tree->modules()[i].kind, expected[i].second) << expected[i].first;
  }
  EXPECT_EQ(tree->modules().back().class_name, "torch::nn::LinearImpl");
  EXPECT_EQ(tree->groups(index_of(*tree, "convolutions.0")), 2);
  EXPECT_EQ(tree->groups(index_of(*tree, "head")), 1);
}

TEST(NnTree, ListsParametersUnderEveryNameAndFreezesThem) {
  Net net;
  const auto tree = nn_tree(net.ptr());
  const auto parameters = by_name(tree->parameters());
  EXPECT_EQ(parameters.size(), 12U);
  EXPECT_TRUE(parameters.at("again.weight").is_same(parameters.at("head.weight")));
  EXPECT_TRUE(parameters.at("scale").is_same(net->scale));
  EXPECT_EQ(by_name(tree->buffers()).count("convolutions.1.running_mean"), 1U);
  for (const at::Tensor& parameter : net->parameters()) EXPECT_FALSE(parameter.requires_grad());
}

TEST(NnTree, AMemberThatIsTiedByHandIsTheOneThatCounts) {
  Net net;
  net->head->weight = at::randn({3, 6});
  const auto tree = nn_tree(net.ptr());
  EXPECT_TRUE(by_name(tree->parameters()).at("head.weight").is_same(net->head->weight));
}

TEST(NnTree, AssignedTensorsStandInWhileEntered) {
  at::manual_seed(1);
  Net net;
  const auto tree = nn_tree(net.ptr());
  const at::Tensor base = net->head->weight;
  const at::Tensor x = at::randn({4, 6});
  const at::Tensor before = net->head(x);
  const at::Tensor r = at::randn({2, 3, 3}).requires_grad_(true);
  const at::Tensor rotated = functional::rotate(base, {r});
  const at::Tensor shift = at::randn({6});
  const auto instance = tree->instantiate(
      {.tensors = {{"head.weight", rotated}, {"blocks.1.bias", shift}}}, /*training=*/false);
  EXPECT_TRUE(net->head->weight.is_same(base));
  at::Tensor y;
  {
    const Entered entered(*instance);
    const Entered nested(*instance);
    EXPECT_TRUE(net->blocks[1]->as<LayerNormImpl>()->bias.is_same(shift));
    y = net->again(x);
  }
  EXPECT_TRUE(net->head->weight.is_same(base));
  EXPECT_FALSE(net->blocks[1]->as<LayerNormImpl>()->bias.is_same(shift));
  EXPECT_TRUE(net->head(x).equal(before));

  EXPECT_LT(max_difference(y, x.matmul(rotated.t())), 1e-5);
  y.sum().backward();  // after the tensors have left
  EXPECT_TRUE(r.grad().defined());
  EXPECT_FALSE(base.grad().defined());
}

TEST(NnTree, BothNamesOfAModuleMayBeAssigned) {
  Net net;
  const at::Tensor base = net->head->weight;
  const auto instance = nn_tree(net.ptr())->instantiate(
      {.tensors = {{"head.weight", at::zeros({3, 6})}, {"again.weight", at::ones({3, 6})}}}, false);
  {
    const Entered entered(*instance);
    EXPECT_TRUE(net->head->weight.equal(at::ones({3, 6})));
  }
  EXPECT_TRUE(net->head->weight.is_same(base));
}

TEST(NnTree, AttentionReadsTheRotatedOutputProjection) {
  at::manual_seed(2);
  MultiheadAttention attention(MultiheadAttentionOptions(6, 2));
  const auto tree = nn_tree(attention.ptr());
  EXPECT_EQ(tree->prepare({index_of(*tree, "out_proj")}),
            std::vector<Placement>{Placement::kWeight});
  const at::Tensor x = at::randn({5, 1, 6});
  const at::Tensor base = std::get<0>(attention(x, x, x));
  const at::Tensor bias = attention->out_proj->bias;
  const auto instance =
      tree->instantiate({.tensors = {{"out_proj.weight", attention->out_proj->weight * 2},
                                     {"in_proj_bias", attention->in_proj_bias.clone()}}},
                        false);
  const Entered entered(*instance);
  EXPECT_LT(max_difference(std::get<0>(attention(x, x, x)), 2 * base - bias), 1e-5);
}

TEST(NnTree, ModesAreThoseOfTheInstanceWhileEntered) {
  Net net;  // in training, but for one part
  net->convolutions->eval();
  const auto tree = nn_tree(net.ptr());
  const auto modes = [&] {
    std::vector<bool> modes;
    for (const auto& module : net->modules()) modes.push_back(module->is_training());
    return modes;
  };
  const std::vector<bool> before = modes();
  for (const bool training : {false, true}) {
    const auto instance = tree->instantiate({}, training);
    {
      const Entered entered(*instance);
      EXPECT_EQ(modes(), std::vector<bool>(before.size(), training));
    }
    EXPECT_EQ(modes(), before);
  }
}

TEST(NnTree, OtherAssignmentsWaitForTheirTurn) {
  Net net;
  const auto tree = nn_tree(net.ptr());
  std::vector<std::shared_ptr<ModuleInstance>> instances;
  for (int value = 0; value < 3; ++value)
    instances.push_back(tree->instantiate({.tensors = {{"head.weight", at::full({3, 6}, value)},
                                                       {"blocks.0.bias", at::full({6}, value)}}},
                                          false));
  std::atomic<int> mixed = 0;
  std::atomic<int> runs = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 300; ++i) {
        const int mine = (thread + i) % 3;
        const Entered entered(*instances[mine]);
        const at::Tensor head = net->head->weight;
        std::this_thread::yield();
        const at::Tensor bias = net->blocks[0]->as<LinearImpl>()->bias;
        mixed += head.max().item<float>() != static_cast<float>(mine) ||
                 bias.min().item<float>() != static_cast<float>(mine);
        ++runs;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(mixed, 0);
  EXPECT_EQ(runs, 8 * 300);
}

TEST(NnTree, ThreadsRunOneInstanceTogether) {
  const auto tree = nn_tree(Net().ptr());
  const auto instance = tree->instantiate({}, false);
  std::atomic<int> inside = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&] {
      const Entered entered(*instance);
      ++inside;
      while (inside < 3) std::this_thread::yield();  // ends only where all three are in
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(inside, 3);
}

TEST(NnTree, AThreadCannotWaitForItself) {
  const auto tree = nn_tree(Net().ptr());
  const auto first = tree->instantiate({}, false);
  const auto second = tree->instantiate({}, false);
  const Entered entered(*first);
  expect_error(Status::kInvalidState, {"this thread", "other adapters"}, [&] { second->enter(); });
  expect_error(Status::kInvalidState, {"this thread"}, [&] { tree->with_tensors({}); });
}

TEST(NnTree, WhatCannotBeAssignedIsNamed) {
  const auto tree = nn_tree(Net().ptr());
  const auto assign = [&](const std::string& name, const at::Tensor& tensor) {
    return [=] { tree->instantiate({.tensors = {{name, tensor}}}, false); };
  };
  expect_error(Status::kNotFound, {"'head.wieght'", "head.weight"}, assign("head.wieght", {}));
  expect_error(Status::kInvalidArgument, {"'head.weight'", "[3, 6]", "[6, 3]"},
               assign("head.weight", at::zeros({6, 3})));
  expect_error(Status::kUnsupported, {"'scale'", "NetImpl"}, assign("scale", at::zeros({1})));
  expect_error(Status::kInvalidArgument, {"by its weights"}, [&] {
    tree->instantiate({.rotations = {{0, {at::zeros({1, 2, 2})}}}}, false);
  });
}

struct HardToRotateImpl : Module {
  Embedding sparse = register_module("sparse", Embedding(EmbeddingOptions(4, 6).sparse(true)));
  Embedding manhattan =
      register_module("manhattan", Embedding(EmbeddingOptions(4, 6).max_norm(1).norm_type(1)));
  ConvTranspose2d transposed =
      register_module("transposed", ConvTranspose2d(ConvTranspose2dOptions(4, 4, 1)));
  Linear complex = register_module("complex", Linear(4, 4));
  Linear fine = register_module("fine", Linear(4, 4));
};
TORCH_MODULE(HardToRotate);

TEST(NnTree, WhatCannotBeRotatedIsNamedAllAtOnce) {
  HardToRotate net;
  net->complex->weight = at::zeros({4, 4}, at::kComplexFloat);
  const auto tree = nn_tree(net.ptr());
  const std::string text = error_of(Status::kUnsupported, [&] { tree->prepare({0, 1, 2, 3, 4}); });
  expect_contains(text, {"'sparse'", "sparse(false)", "'manhattan'", "2-norm", "'transposed'",
                         "ConvTranspose2dImpl", "'complex'", "float16"});
  EXPECT_EQ(text.find("'fine'"), std::string::npos) << text;
  EXPECT_EQ(tree->prepare({4}), std::vector<Placement>{Placement::kWeight});
}

TEST(NnTree, TheNetworkItselfRunsOnlyInCpp) {
  const auto tree = nn_tree(Net().ptr());
  expect_error(Status::kUnsupported, {"C++ method"},
               [&] { tree->instantiate({}, false)->forward({}, {}); });
  expect_error(Status::kUnsupported, {"torch::nn"}, [&] { tree->script(); });
  expect_error(Status::kInvalidArgument, {"null"}, [] { nn_tree(nullptr); });
}

TEST(NnTree, ReplacesTensorsForGoodInPlace) {
  Net net;
  const auto tree = nn_tree(net.ptr());
  const at::Tensor weight = net->head->weight;
  const at::Tensor value = at::randn({3, 6});
  const auto result = tree->with_tensors(
      {{"head.weight", value}, {"convolutions.1.running_mean", at::full({6}, 7)}});
  EXPECT_TRUE(net->head->weight.is_same(weight));  // an optimizer's handle stays good
  EXPECT_TRUE(weight.equal(value));
  EXPECT_TRUE(by_name(net->named_parameters().pairs()).at("again.weight").equal(value));
  EXPECT_TRUE(by_name(result->buffers()).at("convolutions.1.running_mean").equal(at::full({6}, 7)));
}

TEST(NnTree, AWrongReplacementChangesNothing) {
  Net net;
  const auto tree = nn_tree(net.ptr());
  const at::Tensor before = net->blocks[0]->as<LinearImpl>()->bias.clone();
  expect_error(Status::kInvalidArgument, {"'head.weight'", "[3, 6]", "[2, 2]"}, [&] {
    tree->with_tensors({{"blocks.0.bias", at::zeros({6})}, {"head.weight", at::zeros({2, 2})}});
  });
  EXPECT_TRUE(net->blocks[0]->as<LinearImpl>()->bias.equal(before));
}

struct TiedImpl : Module {
  Embedding embedding = register_module("embedding", Embedding(10, 6));
  Linear head = register_module("head", Linear(LinearOptions(6, 10).bias(false)));
  TiedImpl() { head->weight = embedding->weight; }
};
TORCH_MODULE(Tied);

TEST(NnTree, TiesAreReplacedTogetherOrNotAtAll) {
  Tied net;
  const auto tree = nn_tree(net.ptr());
  const at::Tensor before = net->head->weight.clone();
  const at::Tensor value = at::randn({10, 6});
  expect_error(Status::kUnsupported, {"'head.weight'", "'embedding.weight'", "copy"}, [&] {
    tree->with_tensors({{"head.weight", value}});
  });
  expect_error(Status::kUnsupported, {"'head.weight'", "'embedding.weight'"}, [&] {
    tree->with_tensors({{"head.weight", value}, {"embedding.weight", value + 1}});
  });
  EXPECT_TRUE(net->head->weight.equal(before));
  tree->with_tensors({{"head.weight", value}, {"embedding.weight", value.clone()}});
  EXPECT_TRUE(net->head->weight.equal(value));
  EXPECT_TRUE(net->embedding->weight.equal(value));

  // An instance has each end on its own.
  const auto instance =
      tree->instantiate({.tensors = {{"head.weight", at::zeros({10, 6})}}}, false);
  const Entered entered(*instance);
  EXPECT_TRUE(net->embedding->weight.equal(value));
  EXPECT_TRUE(net->head->weight.equal(at::zeros({10, 6})));
}

TEST(NnTree, AnEmbeddingsLimitHoldsForTheRotatedTableAndItsGradients) {
  at::manual_seed(3);
  Embedding embedding(EmbeddingOptions(5, 6).max_norm(1.0).padding_idx(4));
  const auto tree = nn_tree(embedding.ptr());
  const at::Tensor table = embedding->weight.clone();
  const at::Tensor ids = at::tensor({0, 3, 4, 0}, at::kLong);
  const at::Tensor slope = at::randn({4, 6});
  RotationSpec exact;
  const at::Tensor q = (at::randn({2, 3}) * 0.4);

  const auto loss = [&](const at::Tensor& rows, const at::Tensor& parameters) {
    return (functional::rotate(rows, {functional::cayley(parameters, 3, exact)}) * slope).sum();
  };
  // What the base computes first and an adapter turns then.
  const at::Tensor limited = table / table.norm(2, {1}, true).clamp_min(1.0);
  const at::Tensor expected_q = q.clone().requires_grad_(true);
  const at::Tensor expected = loss(limited.index_select(0, ids), expected_q);
  expected.backward();

  const at::Tensor trained_q = q.clone().requires_grad_(true);
  const at::Tensor rotated =
      functional::rotate(embedding->weight, {functional::cayley(trained_q, 3, exact)});
  const auto instance = tree->instantiate({.tensors = {{"weight", rotated}}}, true);
  {
    const Entered entered(*instance);
    const at::Tensor actual = (embedding(ids) * slope).sum();
    EXPECT_LT(max_difference(actual, expected), 1e-5);
    actual.backward();
  }
  // The padding row, of zeros, gets no gradient on either side.
  EXPECT_LT(max_difference(trained_q.grad(), expected_q.grad()), 1e-5);
  EXPECT_TRUE(embedding->weight.equal(table));
  EXPECT_EQ(embedding->options.max_norm(), 1.0);
  EXPECT_GT(table.norm(2, {1}).max().item<double>(), 1.5);
}

}  // namespace
}  // namespace oft
