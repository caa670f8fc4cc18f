#include "script_graphs.hpp"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace oft {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Use;
using torch::jit::Value;

/// Runs `visit` on each node of a block, and of those inside it.
void each_node(Block* block, const std::function<void(Node*)>& visit) {
  for (Node* node : block->nodes()) {
    visit(node);
    for (Block* inner : node->blocks()) each_node(inner, visit);
    if (node->hasAttribute(c10::attr::Subgraph))
      each_node(node->g(c10::attr::Subgraph)->block(), visit);
  }
}

bool reads_or_writes_weight(const Node* node) {
  return (node->kind() == c10::prim::GetAttr || node->kind() == c10::prim::SetAttr) &&
         node->s(c10::attr::name) == "weight";
}

bool writes_other_attribute(const Node* node) {
  return node->kind() == c10::prim::SetAttr && node->s(c10::attr::name) != "weight";
}

bool is_self(const Value* value) {
  return value->node()->kind() == c10::prim::Param && value->offset() == 0 &&
         value->node()->owningBlock() == value->owningGraph()->block();
}

Graph& graph_of(torch::jit::Function& method) {
  return *torch::jit::toGraphFunction(method).graph();
}

/// A method's graph with all that it calls put in its place.
std::shared_ptr<Graph> inlined_copy(torch::jit::Function& method) {
  std::shared_ptr<Graph> graph = graph_of(method).copy();
  torch::jit::Inline(*graph);
  return graph;
}

/// The places where a method meets its weight in a way that a rotation can join.
struct RotationSites {
  std::vector<Use> inputs;      ///< of products, to be rotated before
  std::vector<Value*> outputs;  ///< of look-ups, to be rotated after
  bool only = true;             ///< there is no other use

  bool any() const { return !inputs.empty() || !outputs.empty(); }
};

bool is_transpose(const Node* node) {
  if (node->kind() == c10::aten::t || node->kind() == c10::aten::numpy_T) return true;
  if (node->kind() != c10::aten::transpose) return false;
  const auto first = torch::jit::constant_as<std::int64_t>(node->input(1));
  const auto second = torch::jit::constant_as<std::int64_t>(node->input(2));
  // Of a matrix, any two different dimensions.
  return first && second && (*first + 2) % 2 != (*second + 2) % 2;
}

bool reads_metadata(const Node* node) {
  return node->kind() == c10::aten::size || node->kind() == c10::aten::dim ||
         node->kind() == c10::prim::dtype || node->kind() == c10::prim::device;
}

/// The input that a node multiplies by a matrix [out, d], as in x W^T, or transposed to [d, out].
std::optional<std::size_t> multiplied_input(const Use& use, bool transposed) {
  const auto operation = use.user->kind();
  if (!transposed && operation == c10::aten::linear && use.offset == 1) return 0;
  if (transposed && use.offset == 1 &&
      (operation == c10::aten::matmul || operation == c10::aten::mm))
    return 0;
  if (transposed && operation == c10::aten::addmm && use.offset == 2) return 1;
  return std::nullopt;
}

void find_uses(Value* weight, LayerKind kind, bool transposed, RotationSites& sites) {
  for (const Use& use : weight->uses()) {
    if (reads_metadata(use.user)) continue;
    if (kind == LayerKind::kEmbedding) {
      if (use.user->kind() == c10::aten::embedding && use.offset == 0) {
        sites.outputs.push_back(use.user->output());
      } else {
        sites.only = false;
      }
    } else if (is_transpose(use.user)) {
      find_uses(use.user->output(), kind, !transposed, sites);
    } else if (const auto input = multiplied_input(use, transposed)) {
      sites.inputs.emplace_back(use.user, *input);
    } else {
      sites.only = false;
    }
  }
}

RotationSites rotation_sites(Graph& graph, LayerKind kind) {
  RotationSites sites;
  for (const Use& use : graph.inputs().at(0)->uses()) {
    const bool reads = use.user->kind() == c10::prim::GetAttr;
    if (reads && use.user->s(c10::attr::name) == "weight") {
      find_uses(use.user->output(), kind, /*transposed=*/kind == LayerKind::kConv1D, sites);
    } else if (!reads && !writes_other_attribute(use.user)) {
      sites.only = false;  // the weight is replaced, or the object itself goes elsewhere
    }
  }
  return sites;
}

/// `graph`: calls nothing.
void insert_rotations(Graph& graph, LayerKind kind) {
  static const auto rotate = c10::Symbol::fromQualString("oft::rotate");
  const RotationSites sites = rotation_sites(graph, kind);
  if (!sites.any()) return;
  const torch::jit::WithInsertPoint at_start(*graph.nodes().begin());
  Value* rotations = graph.insertGetAttr(graph.inputs().at(0), kRotationsAttribute);
  for (const Use& use : sites.inputs) {
    const torch::jit::WithInsertPoint before(use.user);
    Value* x = use.user->input(use.offset);
    use.user->replaceInput(use.offset, graph.insert(rotate, {x, rotations}));
  }
  for (Value* output : sites.outputs) {
    const torch::jit::WithInsertPoint after(output->node()->next());
    Value* rotated = graph.insert(rotate, {output, rotations});
    output->replaceAllUsesWith(rotated);
    rotated->node()->replaceInput(0, output);
  }
}

void replace_linears(Graph& graph) {
  static const auto linear = c10::Symbol::fromQualString("oft::linear");
  std::vector<Node*> found;
  each_node(graph.block(), [&](Node* node) {
    if (node->kind() == c10::aten::linear) found.push_back(node);
  });
  for (Node* node : found) {
    const torch::jit::WithInsertPoint before(node);
    const auto inputs = node->inputs();
    Value* y = node->owningGraph()->insert(linear, {inputs[0], inputs[1], inputs[2]}, {},
                                           node->sourceRange());
    node->output()->replaceAllUsesWith(y);
    node->destroy();
  }
}

bool has_modules(const c10::ClassType& type) {
  return std::ranges::any_of(type.getAttributes(), [](const c10::ClassAttribute& attribute) {
    return attribute.getType()->is_module();
  });
}

bool can_join(LayerKind kind) {
  return kind == LayerKind::kLinear || kind == LayerKind::kConv1D || kind == LayerKind::kEmbedding;
}

}  // namespace

WeightUse weight_use(const c10::ClassType& type, LayerKind kind) {
  bool used = false;
  bool only = can_join(kind) && !has_modules(type);
  for (torch::jit::Function* method : type.methods()) {
    const std::shared_ptr<Graph> graph = inlined_copy(*method);
    const RotationSites sites = rotation_sites(*graph, kind);
    used = used || sites.any() || !sites.only;
    only = only && sites.only;
  }
  if (!used) return WeightUse::kNone;
  return only ? WeightUse::kMultiplied : WeightUse::kOtherwise;
}

std::set<const c10::ClassType*> read_from_outside(const std::vector<c10::ClassTypePtr>& classes) {
  std::set<const c10::ClassType*> found;
  for (const c10::ClassTypePtr& owner : classes) {
    for (torch::jit::Function* method : owner->methods()) {
      each_node(graph_of(*method).block(), [&](Node* node) {
        if (!reads_or_writes_weight(node)) return;
        const auto* type = node->input(0)->type()->castRaw<c10::ClassType>();
        if (type != nullptr && !(type == owner.get() && is_self(node->input(0))))
          found.insert(type);
      });
    }
  }
  return found;
}

void insert_rotations(const c10::ClassType& type, LayerKind kind) {
  // All before the first is changed: methods call each other.
  for (torch::jit::Function* method : type.methods()) torch::jit::Inline(graph_of(*method));
  for (torch::jit::Function* method : type.methods()) {
    insert_rotations(graph_of(*method), kind);
    torch::jit::toGraphFunction(*method).clear_optimized_graphs();  // which inlining made
  }
}

void replace_linears(const c10::ClassType& type) {
  for (torch::jit::Function* method : type.methods()) replace_linears(graph_of(*method));
}

std::int64_t convolution_groups(const c10::ClassType& type) {
  if (const auto constant = type.findConstant("groups")) return constant->toInt();
  std::int64_t groups = 1;
  for (torch::jit::Function* method : type.methods()) {
    const std::shared_ptr<Graph> graph = inlined_copy(*method);
    each_node(graph->block(), [&](Node* node) {
      const auto* schema = node->maybeSchema();
      if (schema == nullptr || !schema->argumentIndexWithName("groups")) return;
      groups = torch::jit::constant_as<std::int64_t>(node->namedInput("groups")).value_or(1);
    });
  }
  return groups;
}

}  // namespace oft
