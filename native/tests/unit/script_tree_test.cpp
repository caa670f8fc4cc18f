#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <algorithm>
#include <thread>

#include "script_support.hpp"
#include "src/script_classes.hpp"
#include "src/script_objects.hpp"

namespace oft {
namespace {

using namespace testing;

std::vector<std::string> names_of(const ModuleTree& tree) {
  std::vector<std::string> names;
  for (const Layer& layer : tree.modules()) names.push_back(layer.name);
  return names;
}

LayerKind kind_of_module(const ModuleTree& tree, const std::string& name) {
  return tree.modules()[index_of(tree, name)].kind;
}

/// A model from the source of its methods, with a Linear(4, 4) called "fc" of the class given.
torch::jit::Module model_of(const std::string& layer_methods, const std::string& model_methods) {
  torch::jit::Module layer("__torch__.Linear");
  layer.register_parameter("weight", at::randn({4, 4}), /*is_buffer=*/false);
  layer.register_attribute("training", c10::BoolType::get(), false);
  layer.define(layer_methods + "\n");
  torch::jit::Module model("__torch__.Model");
  model.register_attribute("training", c10::BoolType::get(), false);
  model.register_module("fc", layer);
  model.define(model_methods + "\n");
  return model;
}

struct Example {
  std::string file;
  std::vector<std::string> targets;
  Placement placement;
  at::Tensor input;
};

std::vector<Example> examples() {
  std::vector<Example> examples;
  const at::Tensor ids = at::randint(20, {3, 7});
  for (const std::string how : {"_scripted", "_traced"}) {
    examples.push_back(
        {"mlp" + how, {"fc1", "fc2", "head"}, Placement::kGraph, at::randn({5, 16})});
    examples.push_back(
        {"mlp" + how, {"fc1", "fc2", "head"}, Placement::kGraph, at::randn({2, 3, 5, 16})});
    examples.push_back(
        {"attention" + how, {"up", "down"}, Placement::kGraph, at::randn({2, 6, 32})});
    examples.push_back(
        {"attention" + how, {"attention.out_proj"}, Placement::kWeight, at::randn({2, 6, 32})});
    examples.push_back({"conv" + how,
                        {"padded", "pointwise", "strided", "oblong", "dilated", "line"},
                        Placement::kWeight,
                        at::randn({2, 8, 12, 10})});
    examples.push_back({"conv" + how, {"head"}, Placement::kGraph, at::randn({2, 8, 12, 10})});
    examples.push_back({"embedding" + how, {"tokens", "head"}, Placement::kGraph, ids});
    examples.push_back({"shared" + how, {"first", "head"}, Placement::kGraph, at::randn({5, 16})});
  }
  examples.push_back({"tied_scripted", {"tokens", "fc", "lm_head"}, Placement::kGraph, ids});
  examples.push_back({"tied_traced", {"fc"}, Placement::kGraph, ids});
  examples.push_back({"max_norm_traced", {"tokens"}, Placement::kWeight, ids});
  examples.push_back(
      {"conv1d_scripted", {"c_attn", "c_proj"}, Placement::kGraph, at::randn({5, 16})});
  examples.push_back(
      {"branches_scripted", {"layers.1", "head"}, Placement::kGraph, at::randn({5, 16})});
  return examples;
}

TEST(ScriptTree, ListsModulesAsNamedModulesDoes) {
  for (const std::string file : {"mlp_scripted", "mlp_traced"}) {
    SCOPED_TRACE(file);
    const auto tree = script_tree(load_example(file));
    EXPECT_EQ(names_of(*tree), (std::vector<std::string>{"fc1", "fc2", "head"}));
    for (const Layer& layer : tree->modules()) {
      EXPECT_EQ(layer.kind, LayerKind::kLinear);
      EXPECT_EQ(layer.class_name, "torch.nn.modules.linear.Linear");
    }
    std::vector<std::string> parameters;
    for (const auto& [name, tensor] : tree->parameters()) parameters.push_back(name);
    EXPECT_EQ(parameters, (std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight",
                                                    "fc2.bias", "head.weight"}));
  }
}

TEST(ScriptTree, TellsKindsByClassAndShape) {
  for (const std::string how : {"_scripted", "_traced"}) {
    const auto attention = script_tree(load_example("attention" + how));
    EXPECT_EQ(kind_of_module(*attention, "attention.out_proj"), LayerKind::kLinear);
    EXPECT_EQ(kind_of_module(*attention, "attention"), LayerKind::kOther);
    EXPECT_EQ(kind_of_module(*attention, "norm1"), LayerKind::kOther);
    const auto convolutions = script_tree(load_example("conv" + how));
    EXPECT_EQ(kind_of_module(*convolutions, "padded"), LayerKind::kConv2d);
    EXPECT_EQ(kind_of_module(*convolutions, "line"), LayerKind::kConv1d);
    EXPECT_EQ(kind_of_module(*convolutions, "upsampled"), LayerKind::kOther);
    EXPECT_EQ(kind_of_module(*script_tree(load_example("embedding" + how)), "tokens"),
              LayerKind::kEmbedding);
  }
  EXPECT_EQ(kind_of_module(*script_tree(load_example("conv1d_scripted")), "c_attn"),
            LayerKind::kConv1D);
}

TEST(ScriptTree, KnowsTheGroupsOfConvolutions) {
  for (const std::string file : {"conv_scripted", "conv_traced"}) {
    const auto tree = script_tree(load_example(file));
    const std::map<std::string, std::int64_t> expected{{"padded", 1},       {"grouped", 4},
                                                       {"depthwise", 16},   {"line", 1},
                                                       {"grouped_line", 2}, {"head", 1}};
    for (const auto& [name, groups] : expected)
      EXPECT_EQ(tree->groups(index_of(*tree, name)), groups) << file << ' ' << name;
  }
}

TEST(ScriptTree, ListsBuffersApart) {
  const auto tree = script_tree(load_example("conv_traced"));
  std::vector<std::string> buffers;
  for (const auto& [name, tensor] : tree->buffers()) buffers.push_back(name);
  EXPECT_EQ(buffers, (std::vector<std::string>{"norm.running_mean", "norm.running_var",
                                               "norm.num_batches_tracked"}));
}

TEST(ScriptTree, ListsASharedModuleOnce) {
  for (const std::string file : {"shared_scripted", "shared_traced"}) {
    const auto tree = script_tree(load_example(file));
    EXPECT_EQ(names_of(*tree), (std::vector<std::string>{"first", "head"}));
    EXPECT_EQ(tree->parameters().size(), 4U);
  }
}

TEST(ScriptTree, ATurnedForwardIsThatOfMergedWeights) {
  at::manual_seed(2);
  const at::NoGradGuard no_grad;
  for (const Example& example : examples()) {
    for (const std::size_t adapters : {1U, 3U}) {
      SCOPED_TRACE(example.file + " " + example.targets.front() + " " + std::to_string(adapters));
      const auto tree = script_tree(load_example(example.file));
      const Rotations rotations = random_rotations(*tree, example.targets, 4, adapters);
      for (const auto& [name, placement] : prepare(*tree, rotations))
        EXPECT_EQ(placement, example.placement) << name;
      const auto turned = tree->instantiate(assignments_of(*tree, rotations), false);
      const auto plain = tree->instantiate({}, false);
      const auto merged = tree->with_tensors(merged_weights(*tree, rotations));
      const at::Tensor expected =
          call_script(merged->script(), "forward", {example.input}).toTensor();
      // libtorch's own kernels choose by it.
      for (at::Tensor parameter : tree->script().parameters()) parameter.requires_grad_(false);
      const at::Tensor base = call_script(tree->script(), "forward", {example.input}).toTensor();
      for (int run = 0; run < 3; ++run) {  // the first runs of an executor are special
        EXPECT_LT(max_difference(forward(*turned, example.input), expected), 5e-6);
        EXPECT_EQ(max_difference(forward(*plain, example.input), base), 0);
      }
      EXPECT_GT(max_difference(expected, base), 1e-3);
    }
  }
}

TEST(ScriptTree, RunsInFloat64AndIn16Bits) {
  at::manual_seed(3);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({5, 16}, at::kDouble);
  const std::map<at::ScalarType, double> tolerances{{at::kDouble, 1e-13}, {at::kBFloat16, 0.03}};
  for (const auto& [dtype, tolerance] : tolerances) {
    const auto tree = script_tree(load_example("mlp_traced", {.dtype = dtype}));
    const Rotations rotations = random_rotations(*tree, {"fc1", "fc2"});
    const auto turned = tree->instantiate(assignments_of(*tree, rotations), false);
    const auto merged = tree->with_tensors(merged_weights(*tree, rotations));
    const at::Tensor y = forward(*turned, x.to(dtype));
    EXPECT_EQ(y.scalar_type(), dtype);
    EXPECT_LT(max_difference(y, call_script(merged->script(), "forward", {x.to(dtype)}).toTensor()),
              tolerance);
  }
}

TEST(ScriptTree, LeavesTheModelAsItIs) {
  at::manual_seed(4);
  const at::NoGradGuard no_grad;
  const torch::jit::Module module = load_example("attention_scripted");
  const at::Tensor x = at::randn({2, 6, 32});
  const at::Tensor before = call_script(module, "forward", {x}).toTensor();
  const std::string code = saved_code(module);
  const std::string report = script_to_json(module);
  const auto tree = script_tree(module);
  const Rotations rotations = random_rotations(*tree, {"up", "attention.out_proj"});
  const auto turned = tree->instantiate(assignments_of(*tree, rotations), true);
  forward(*turned, x);
  for (const torch::jit::Module& now : {module, tree->script()}) {
    EXPECT_EQ(max_difference(call_script(now, "forward", {x}).toTensor(), before), 0);
    EXPECT_EQ(script_to_json(now), report);
    EXPECT_TRUE(saved_code(now) == code);
  }
  EXPECT_FALSE(has_rotations(code));
}

TEST(ScriptTree, MergedModelsLoadInPlainLibtorch) {
  at::manual_seed(5);
  const at::NoGradGuard no_grad;
  for (const Example& example : examples()) {
    SCOPED_TRACE(example.file);
    const auto tree = script_tree(load_example(example.file));
    const Rotations rotations = random_rotations(*tree, example.targets);
    prepare(*tree, rotations);
    const auto merged = tree->with_tensors(merged_weights(*tree, rotations));
    EXPECT_FALSE(has_rotations(saved_code(merged->script())));
    std::istringstream in(saved_bytes(merged->script()));
    torch::jit::Module loaded = torch::jit::load(in);
    EXPECT_EQ(max_difference(loaded.forward({example.input}).toTensor(),
                             call_script(merged->script(), "forward", {example.input}).toTensor()),
              0);
  }
}

TEST(ScriptTree, MergedModelsShareWhatIsNotReplaced) {
  const auto tree = script_tree(load_example("mlp_scripted"));
  const auto merged = tree->with_tensors({{"fc1.weight", at::zeros({32, 16})}});
  EXPECT_TRUE(tensor_of(*merged, "fc2.weight").is_same(tensor_of(*tree, "fc2.weight")));
  EXPECT_EQ(tensor_of(*merged, "fc1.weight").abs().sum().item<float>(), 0);
  EXPECT_NE(tensor_of(*tree, "fc1.weight").abs().sum().item<float>(), 0);
  EXPECT_EQ(tensor_of(*merged, "fc1.weight").requires_grad(),
            tensor_of(*tree, "fc1.weight").requires_grad());
  expect_error(Status::kNotFound, {"fc9.weight"}, [&] {
    tree->with_tensors({{"fc9.weight", at::zeros({1})}});
  });
}

TEST(ScriptTree, ReplacesOneOfTiedTensorsWhereOnlyThatIsNamed) {
  const at::NoGradGuard no_grad;
  const at::Tensor ids = at::randint(20, {2, 5});
  const auto tree = script_tree(load_example("tied_scripted"));
  ASSERT_EQ(tensor_of(*tree, "tokens.weight").data_ptr(),
            tensor_of(*tree, "lm_head.weight").data_ptr());
  const at::Tensor zero = at::zeros({20, 16});
  const auto instance = tree->instantiate({.tensors = {{"lm_head.weight", zero}}}, false);
  EXPECT_EQ(forward(*instance, ids).abs().max().item<float>(), 0);
  const auto merged = tree->with_tensors({{"lm_head.weight", zero}});
  EXPECT_EQ(tensor_of(*merged, "lm_head.weight").abs().max().item<float>(), 0);
  EXPECT_NE(tensor_of(*merged, "tokens.weight").abs().max().item<float>(), 0);
}

TEST(ScriptTree, RefusesTiedWeightsThatATraceReadsAtOnePlace) {
  for (const auto& [name, twin] : std::map<std::string, std::string>{
           {"tokens", "lm_head.weight"}, {"lm_head", "tokens.weight"}}) {
    const auto tree = script_tree(load_example("tied_traced"));
    expect_error(Status::kUnsupported, {"'" + name + "'", "tied to '" + twin, "torch.jit.script"},
                 [&] { tree->prepare({index_of(*tree, name)}); });
  }
}

TEST(ScriptTree, TakesMoreTargetsLater) {
  at::manual_seed(6);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({5, 16});
  const auto tree = script_tree(load_example("mlp_traced"));
  const Rotations first = random_rotations(*tree, {"fc1"});
  const auto early = tree->instantiate(assignments_of(*tree, first), false);
  const at::Tensor before = forward(*early, x);
  const Rotations second = random_rotations(*tree, {"fc1", "head"});
  const auto late = tree->instantiate(assignments_of(*tree, second), false);
  const auto merged = tree->with_tensors(merged_weights(*tree, second));
  EXPECT_LT(
      max_difference(forward(*late, x), call_script(merged->script(), "forward", {x}).toTensor()),
      5e-6);
  EXPECT_EQ(max_difference(forward(*early, x), before), 0);
}

TEST(ScriptClasses, ProductsWithWeightsGoThroughOftLinear) {
  static const auto oft_linear = c10::Symbol::fromQualString("oft::linear");
  for (const std::string file : {"attention_scripted", "attention_traced"}) {
    SCOPED_TRACE(file);
    const torch::jit::Module module = load_example(file);
    const ScriptObjects objects(module);
    std::vector<c10::ClassTypePtr> classes;
    for (const ScriptObject& object : objects.list())
      if (std::ranges::find(classes, object.type()) == classes.end())
        classes.push_back(object.type());
    const ScriptClasses copies(classes, {});
    const auto count = [](const c10::ClassType& type, c10::Symbol kind) {
      std::size_t nodes = 0;
      for (torch::jit::Function* method : type.methods()) {
        auto graph = torch::jit::toGraphFunction(*method).graph();
        torch::jit::DepthFirstGraphNodeIterator each(graph);
        while (const torch::jit::Node* node = each.next()) nodes += node->kind() == kind;
      }
      return nodes;
    };
    std::size_t products = 0;
    for (const c10::ClassTypePtr& type : classes) {
      const auto& copy = copies.copy_of(*type).type_->expectRef<c10::ClassType>();
      const std::size_t before = count(*type, c10::aten::linear);
      EXPECT_EQ(count(copy, c10::aten::linear), 0);
      EXPECT_EQ(count(copy, oft_linear), before);
      EXPECT_EQ(count(*type, oft_linear), 0);
      products += before;
    }
    EXPECT_GT(products, 0);
  }
}

TEST(ScriptInstance, OnlyAssignedTensorsRequireGradients) {
  for (const std::string file : {"attention_scripted", "attention_traced", "conv_scripted"}) {
    const auto tree = script_tree(load_example(file));
    const at::Tensor x = file[0] == 'c' ? at::randn({2, 8, 12, 10}) : at::randn({2, 6, 32});
    EXPECT_FALSE(forward(*tree->instantiate({}, true), x).requires_grad()) << file;
  }
}

TEST(ScriptInstance, GradientsAreThoseOfFiniteDifferences) {
  at::manual_seed(8);
  for (const std::string file : {"attention_scripted", "attention_traced"}) {
    const auto tree = script_tree(load_example(file, {.dtype = at::kDouble}));
    tree->prepare({index_of(*tree, "up"), index_of(*tree, "attention.out_proj")});
    const at::Tensor x = at::randn({2, 6, 32}, at::kDouble);
    const at::Tensor weight = tensor_of(*tree, "attention.out_proj.weight").detach();
    // A leaf of which both a rotation and a weight are made, as non-leaf tensors.
    const auto loss_at = [&](const at::Tensor& leaf) {
      const auto instance =
          tree->instantiate({.rotations = {{index_of(*tree, "up"), {leaf * 2}}},
                             .tensors = {{"attention.out_proj.weight", weight + leaf[0][0][0]}}},
                            false);
      return forward(*instance, x).square().mean();
    };
    const at::Tensor leaf = at::randn({8, 4, 4}, at::kDouble).requires_grad_(true);
    for (int run = 0; run < 3; ++run) {
      const at::Tensor gradient = torch::autograd::grad({loss_at(leaf)}, {leaf}).front();
      const at::NoGradGuard no_grad;
      for (const std::int64_t i : {0, 1, 37, 127}) {
        at::Tensor step = at::zeros({8 * 4 * 4}, at::kDouble);
        step[i] = 1e-5;
        step = step.reshape({8, 4, 4});
        const double slope = (loss_at(leaf + step) - loss_at(leaf - step)).item<double>() / 2e-5;
        EXPECT_NEAR(gradient.flatten()[i].item<double>(), slope, 1e-7 * (1 + std::abs(slope)));
      }
    }
  }
}

TEST(ScriptInstance, TrainsAndEvaluatesBesideEachOther) {
  at::manual_seed(9);
  const at::NoGradGuard no_grad;
  const torch::jit::Module module = load_example("dropout_scripted");
  const auto tree = script_tree(module);
  const at::Tensor x = at::randn({64, 16});
  const auto training = tree->instantiate({}, true);
  const auto evaluating = tree->instantiate({}, false);
  EXPECT_GT((forward(*training, x) == 0).sum().item<int>(), 300);
  EXPECT_EQ((forward(*evaluating, x) == 0).sum().item<int>(), 0);
}

TEST(ScriptInstance, ManyThreadsRunSeveralAtOnce) {
  at::manual_seed(10);
  const auto tree = script_tree(load_example("attention_scripted"));
  const at::Tensor x = at::randn({2, 6, 32});
  std::vector<std::shared_ptr<ModuleInstance>> instances;
  std::vector<at::Tensor> expected;
  for (int i = 0; i < 2; ++i) {
    const at::NoGradGuard no_grad;
    const Rotations rotations = random_rotations(*tree, {"up", "down", "attention.out_proj"});
    instances.push_back(tree->instantiate(assignments_of(*tree, rotations), false));
    const auto merged = tree->with_tensors(merged_weights(*tree, rotations));
    expected.push_back(call_script(merged->script(), "forward", {x}).toTensor());
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      const at::NoGradGuard no_grad;
      for (std::size_t run = 0; run < 50; ++run) {
        const std::size_t which = (thread + run) % 2;
        if (max_difference(forward(*instances[which], x), expected[which]) > 5e-6) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ScriptInstance, OutlivesTheTree) {
  at::manual_seed(11);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({2, 6, 32});
  std::shared_ptr<ModuleInstance> instance;
  at::Tensor expected;
  {
    const auto tree = script_tree(load_example("attention_scripted"));
    const Rotations rotations = random_rotations(*tree, {"up"});
    instance = tree->instantiate(assignments_of(*tree, rotations), false);
    expected = forward(*tree->instantiate(assignments_of(*tree, rotations), false), x);
  }
  EXPECT_EQ(max_difference(forward(*instance, x), expected), 0);
}

TEST(ScriptTree, RefusesFrozenModels) {
  expect_error(Status::kUnsupported, {"frozen", "torch.jit.trace(model, example)", "without"},
               [] { script_tree(load_example("frozen")); });
}

TEST(ScriptTree, RefusesLayersThatNothingReads) {
  const auto tree =
      script_tree(model_of("def forward(self, x: Tensor): return x * 2",
                           "def forward(self, x: Tensor): return self.fc.forward(x)"));
  expect_error(Status::kUnsupported, {"'fc' (Linear)", "exclude_modules"},
               [&] { tree->prepare({0}); });
}

/// Sources of a layer and of its owner, and where rotations of it act.
struct Source {
  const char* layer;
  const char* model;
  Placement placement;
};

TEST(ScriptTree, PlacesByTheUseOfTheWeight) {
  constexpr const char* kCall = "def forward(self, x: Tensor): return self.fc.forward(x)";
  const std::vector<Source> sources{
      {"def forward(self, x: Tensor): return torch.matmul(x, self.weight.t())", kCall,
       Placement::kGraph},
      {"def forward(self, x: Tensor): return torch.matmul(x, torch.transpose(self.weight, -1, 0))",
       kCall, Placement::kGraph},
      {"def forward(self, x: Tensor):\n"
       "    return torch.addmm(torch.ones(self.weight.size(0)), x, self.weight.t())",
       kCall, Placement::kGraph},
      {"def forward(self, x: Tensor):\n"
       "    if x.dim() == 2:\n"
       "        y = torch.mm(x, self.weight.t())\n"
       "    else:\n"
       "        y = torch.matmul(x, self.weight.t())\n"
       "    return y",
       kCall, Placement::kGraph},
      {"def product(self, x: Tensor): return torch.matmul(x, self.weight.t())\n"
       "def forward(self, x: Tensor): return self.product(x)",
       "def forward(self, x: Tensor): return self.fc.product(self.fc.forward(x))",
       Placement::kGraph},
      {"def forward(self, x: Tensor): return torch.matmul(x, self.weight)", kCall,
       Placement::kWeight},
      {"def forward(self, x: Tensor): return torch.matmul(self.weight, x.t()).t()", kCall,
       Placement::kWeight},
      {"def forward(self, x: Tensor): return torch.matmul(x, (self.weight * 2).t())", kCall,
       Placement::kWeight},
      {"def forward(self, x: Tensor): return torch.matmul(x, self.weight.t())",
       "def forward(self, x: Tensor): return torch.matmul(self.fc.forward(x), self.fc.weight)",
       Placement::kWeight},
      {"def forward(self, x: Tensor): return x",
       "def forward(self, x: Tensor): return torch.matmul(x, self.fc.weight.t())",
       Placement::kWeight},
  };
  at::manual_seed(12);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({3, 4});
  for (const Source& source : sources) {
    SCOPED_TRACE(std::string(source.layer) + "\n" + source.model);
    const auto tree = script_tree(model_of(source.layer, source.model));
    const Rotations rotations = random_rotations(*tree, {"fc"});
    EXPECT_EQ(prepare(*tree, rotations).at("fc"), source.placement);
    const auto turned = tree->instantiate(assignments_of(*tree, rotations), false);
    const auto merged = tree->with_tensors(merged_weights(*tree, rotations));
    EXPECT_LT(max_difference(forward(*turned, x),
                             call_script(merged->script(), "forward", {x}).toTensor()),
              5e-6);
  }
}

}  // namespace
}  // namespace oft
