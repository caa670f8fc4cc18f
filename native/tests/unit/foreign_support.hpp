#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model_support.hpp"
#include "oft/merge.hpp"

namespace oft::testing {

/// A factor of random parameters.
inline AdapterFactor random_factor(std::int64_t features, std::int64_t b, std::int64_t first = 0,
                                   std::int64_t butterfly = 0, double sigma = 0.3) {
  return {.q = at::randn({features / b, b * (b - 1) / 2}) * sigma,
          .first_feature = first,
          .butterfly = butterfly};
}

/// A layer whose outputs are turned.
inline AdapterLayer output_layer(const std::string& name, std::vector<AdapterFactor> factors,
                                 at::Tensor row_scale = {}) {
  return {.name = name,
          .side = Side::kOutput,
          .factors = std::move(factors),
          .row_scale = std::move(row_scale)};
}

/// A file of another maker than PEFT.
inline AdapterFile foreign_file(std::vector<AdapterLayer> layers,
                                AdapterFormat format = AdapterFormat::kLycoris) {
  AdapterFile file{OFTConfig()};
  file.format = format;
  file.config.use_cayley_neumann = format == AdapterFormat::kOneTrainer;
  std::ranges::sort(layers, {}, &AdapterLayer::name);
  file.layers = std::move(layers);
  return file;
}

/// R as one matrix of all `features`, the identity where it leaves some alone, in float64.
inline at::Tensor dense(const Rotation& rotation, std::int64_t features) {
  const RotationSpec& spec = rotation.spec();
  at::Tensor part = at::block_diag(
      at::unbind(rotation.matrices(at::kDouble).expand({rotation.blocks(), -1, -1})));
  if (spec.butterfly != 0) {
    at::Tensor order = at::arange(rotation.features(), at::kLong);
    order = order.reshape({-1, 2, spec.butterfly}).transpose(1, 2).flatten();
    const at::Tensor permutation = at::eye(rotation.features(), at::kDouble).index_select(0, order);
    part = permutation.t().matmul(part).matmul(permutation);
  }
  at::Tensor whole = at::eye(features, at::kDouble);
  const std::int64_t end = spec.first_feature + rotation.features();
  whole.slice(0, spec.first_feature, end).slice(1, spec.first_feature, end).copy_(part);
  return whole;
}

/// The rows of a weight as its file turns them, by dense products in float64.
inline at::Tensor turned_weight(const AdapterFile& file, const std::string& name,
                                const at::Tensor& weight, LayerKind kind = LayerKind::kLinear,
                                double strength = 1) {
  const AdapterLayer& layer = file.layer(name);
  at::Tensor rows = weight.to(at::kDouble).flatten(1);
  if (kind == LayerKind::kConv1D) rows = rows.t();
  for (const Rotation& factor : file.rotations(layer, kind, weight.sizes())) {
    const Rotation rotation = strength == 1 ? factor : factor.power(strength);
    rows = dense(rotation, rows.size(0)).matmul(rows);
    if (rotation.row_scale().defined())
      rows = rows * rotation.row_scale().to(at::kDouble).unsqueeze(1);
  }
  return (kind == LayerKind::kConv1D ? rows.t() : rows).reshape(weight.sizes());
}

/// The output of a model's network with other weights.
inline at::Tensor run_with(const TestNetwork& network,
                           const std::map<std::string, at::Tensor>& weights) {
  Assignments assignments;
  for (const auto& [name, weight] : weights) assignments.tensors.emplace_back(name, weight);
  const torch::NoGradGuard no_grad;
  const Activation active(network.tree->instantiate(assignments, false));
  return network.forward(active, network.input);
}

/// A model with one PEFT adapter, "default", that turns nothing yet and is not active, and others.
inline OFTModel foreign_model(const TestNetwork& network,
                              const std::vector<std::pair<std::string, AdapterFile>>& adapters,
                              const OFTConfig& config, const OFTModelOptions& options = {}) {
  OFTModel model(network.tree, config, "default", options);
  Names names;
  for (const auto& [name, file] : adapters) {
    model.load_adapter(file, name);
    names.push_back(name);
  }
  model.set_adapter(names);
  return model;
}

}  // namespace oft::testing
