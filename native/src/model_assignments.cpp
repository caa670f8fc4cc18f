#include "model_assignments.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "oft/functional.hpp"
#include "output_turn.hpp"

namespace oft {
namespace {

/// What the adapters together do to one layer, each side in the order of application.
struct Turn {
  const ModelLayer* layer;
  std::vector<at::Tensor> inputs;  // R
  std::vector<OutputTurn> outputs;
};

std::map<std::size_t, Turn> collect_turns(const std::vector<AdapterParameters>& adapters,
                                          bool training) {
  std::map<std::size_t, Turn> turns;
  for (const AdapterParameters& adapter : adapters) {
    const std::vector<at::Tensor> matrices = adapter.matrices(training);
    for (std::size_t i = 0; i < matrices.size(); ++i) {
      const ModelLayer& layer = adapter.plan->layers[i];
      Turn& turn = turns.try_emplace(layer.module, Turn{.layer = &layer}).first->second;
      if (matrices[i].defined() && layer.side == Side::kInput)
        turn.inputs.push_back(matrices[i]);
      else if (matrices[i].defined())
        turn.outputs.push_back({.blocks = matrices[i],
                                .first_feature = layer.first_feature,
                                .features = layer.features,
                                .butterfly = layer.butterfly});
      if (const at::Tensor& scale = adapter.row_scales[i]; scale.defined())
        turn.outputs.push_back({.scale = scale});
    }
  }
  return turns;
}

/// W' in the type of W, through which gradients flow to both; 16-bit results are rounded once.
at::Tensor turn_weight(const Turn& turn, bool rotate_inputs, const at::Tensor& weight) {
  const ModelLayer& layer = *turn.layer;
  const at::ScalarType compute = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor value = weight.to(compute);
  if (!turn.outputs.empty())  // first, since a base weight is constant and they mostly are
    value = matrix_to_weight(
        layer, turn_outputs(weight_to_matrix(layer, value, Side::kOutput), turn.outputs),
        weight.sizes(), Side::kOutput);
  if (rotate_inputs) {
    std::vector<at::Tensor> factors = turn.inputs;
    // An embedding's rows are activations, E R1 R2; a weight meets them transposed, W R2^T R1^T.
    if (layer.kind != LayerKind::kEmbedding) {
      for (at::Tensor& factor : factors) factor = factor.transpose(1, 2);
      std::reverse(factors.begin(), factors.end());
    }
    value = matrix_to_weight(
        layer, functional::rotate(weight_to_matrix(layer, value, Side::kInput), factors),
        weight.sizes(), Side::kInput);
  }
  return value.to(weight.scalar_type());
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
    const bool rotates_inputs = !in_graph && !turn.inputs.empty();
    if (rotates_inputs || !turn.outputs.empty()) {
      const std::string name = turn.layer->weight_name();
      const auto replaced = tensors.find(name);
      const at::Tensor weight = replaced == tensors.end() ? tree.tensor(name) : replaced->second;
      tensors[name] = turn_weight(turn, rotates_inputs, weight);
    }
    if (in_graph && !turn.inputs.empty())
      assignments.rotations.emplace_back(module, std::move(turn.inputs));
  }
  assignments.tensors.assign(tensors.begin(), tensors.end());
  return assignments;
}

}  // namespace oft
