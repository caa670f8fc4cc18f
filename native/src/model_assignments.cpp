#include "model_assignments.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "oft/functional.hpp"

namespace oft {
namespace {

/// What the adapters together do to one layer.
struct Turn {
  const ModelLayer* layer;
  std::vector<at::Tensor> rotations;
  at::Tensor row_scale;  // undefined where all are 1
};

std::map<std::size_t, Turn> collect_turns(const std::vector<AdapterParameters>& adapters,
                                          bool training) {
  std::map<std::size_t, Turn> turns;
  for (const AdapterParameters& adapter : adapters) {
    const std::vector<at::Tensor> matrices = adapter.matrices(training);
    for (std::size_t i = 0; i < matrices.size(); ++i) {
      const ModelLayer& layer = adapter.plan->layers[i];
      Turn& turn = turns.try_emplace(layer.module, Turn{.layer = &layer}).first->second;
      if (matrices[i].defined()) turn.rotations.push_back(matrices[i]);
      if (const at::Tensor& scale = adapter.row_scales[i]; scale.defined())
        turn.row_scale = turn.row_scale.defined() ? turn.row_scale * scale : scale;
    }
  }
  return turns;
}

/// W' in the type of W, through which gradients flow to both; 16-bit results are rounded once.
at::Tensor turn_weight(const Turn& turn, bool rotate, const at::Tensor& weight) {
  const ModelLayer& layer = *turn.layer;
  const at::ScalarType compute = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor matrix = weight_to_matrix(layer, weight.to(compute));
  if (rotate) {
    std::vector<at::Tensor> factors = turn.rotations;
    // An embedding's rows are activations, E R1 R2; a weight meets them transposed, W R2^T R1^T.
    if (layer.kind != LayerKind::kEmbedding) {
      for (at::Tensor& factor : factors) factor = factor.transpose(1, 2);
      std::reverse(factors.begin(), factors.end());
    }
    matrix = functional::rotate(matrix, factors);
  }
  if (turn.row_scale.defined()) matrix = matrix * turn.row_scale.to(compute).unsqueeze(1);
  return matrix_to_weight(layer, matrix, weight.sizes()).to(weight.scalar_type());
}

}  // namespace

Assignments make_assignments(const PreparedTree& tree,
                             const std::vector<AdapterParameters>& adapters, bool training,
                             bool by_weight) {
  std::map<std::string, at::Tensor> tensors;
  for (const AdapterParameters& adapter : adapters)
    for (const ReplacedTensor& tensor : adapter.replaced) tensors[tensor.name] = tensor.value;

  Assignments assignments;
  for (auto& [module, turn] : collect_turns(adapters, training)) {
    const bool in_graph = !by_weight && tree.placement(module) == Placement::kGraph;
    const bool turns_weight = !in_graph && !turn.rotations.empty();
    if (turns_weight || turn.row_scale.defined()) {
      const std::string name = turn.layer->weight_name();
      const auto replaced = tensors.find(name);
      const at::Tensor weight = replaced == tensors.end() ? tree.tensor(name) : replaced->second;
      tensors[name] = turn_weight(turn, turns_weight, weight);
    }
    if (in_graph && !turn.rotations.empty())
      assignments.rotations.emplace_back(module, std::move(turn.rotations));
  }
  assignments.tensors.assign(tensors.begin(), tensors.end());
  return assignments;
}

}  // namespace oft
