#include "model_layers.hpp"

#include <strings.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "dtypes.hpp"
#include "name_selector.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "text.hpp"

namespace oft {
namespace {

bool is_convolution(LayerKind kind) {
  return kind == LayerKind::kConv1d || kind == LayerKind::kConv2d;
}

/// The divisors of `number` nearest to `wanted` on either side.
std::string nearest_divisors(std::int64_t number, std::int64_t wanted) {
  std::int64_t below = wanted;
  std::int64_t above = wanted;
  while (below > 1 && number % below != 0) --below;
  while (above < number && number % above != 0) ++above;
  std::string text = std::to_string(std::min(below, number));
  if (above <= number && above != below) text += ", " + std::to_string(above);
  return text;
}

ModelLayer plan_layer(const PreparedTree& tree, const OFTConfig& config, const Match& match) {
  const Layer& module = tree.modules()[match.layer];
  const std::string what = "layer '" + module.name + "'";
  const at::Tensor& weight = rotatable_weight(tree, module);

  ModelLayer layer{.module = match.layer, .name = module.name, .kind = module.kind};
  layer.groups = tree.tree().groups(match.layer);
  std::int64_t within_group = 0;
  try {
    within_group = rotated_features(layer.kind, weight.sizes());
    layer.features = within_group * layer.groups;
    layer.block_size = resolve_block_size(config, layer.features, match.rank);
  } catch (const Error& error) {
    throw Error(error.status(), what + ": " + error.what());
  }
  if (within_group % layer.block_size != 0)
    throw Error(Status::kInvalidArgument,
                what + ": blocks of " + std::to_string(layer.block_size) + " would mix its " +
                    std::to_string(layer.groups) + " groups, each of which has " +
                    std::to_string(within_group) +
                    " inputs of its own; give a block size that divides these (nearest divisors " +
                    nearest_divisors(within_group, layer.block_size) +
                    "), by oft_block_size or rank_pattern, or exclude the layer");
  layer.rows = config.block_share ? 1 : layer.features / layer.block_size;
  return layer;
}

/// PEFT too saves the targets that it found, not the word they were asked for by.
void name_targets(AdapterPlan& plan, const ModelFacts& facts) {
  OFTConfig& config = plan.config;
  const auto* text = std::get_if<std::string>(&config.target_modules);
  if (std::holds_alternative<std::monostate>(config.target_modules)) {
    config.target_modules = default_target_modules(facts.model_type.value_or(""));
  } else if (text != nullptr && ::strcasecmp(text->c_str(), "all-linear") == 0) {
    std::vector<std::string> names;
    for (const ModelLayer& layer : plan.layers) names.push_back(layer.name);
    config.target_modules = std::move(names);
  }
}

/// In a file only `fan_in_fan_out` tells a Conv1D from a Linear; here the modules themselves do.
void name_layout(AdapterPlan& plan) {
  const auto has = [&](LayerKind kind) {
    return std::any_of(plan.layers.begin(), plan.layers.end(),
                       [&](const ModelLayer& layer) { return layer.kind == kind; });
  };
  if (has(LayerKind::kConv1D) != has(LayerKind::kLinear))
    plan.config.fan_in_fan_out = has(LayerKind::kConv1D);
}

std::vector<std::string> find_replaced(const PreparedTree& tree, const AdapterPlan& plan) {
  const OFTConfig& config = plan.config;
  const SavedModules saved(config);
  std::set<std::string> modules{""};
  for (const Layer& module : tree.modules()) modules.insert(module.name);
  std::set<std::string> targets;
  for (const ModelLayer& layer : plan.layers) targets.insert(layer.name);

  std::vector<std::string> replaced;
  for (const auto& [name, tensor] : tree.tensors()) {
    const std::size_t dot = name.rfind('.');
    const std::string parent = dot == std::string::npos ? "" : name.substr(0, dot);
    if (!modules.contains(parent)) continue;  // another name of a module that is listed already
    const bool is_bias = name.substr(dot + 1) == "bias";
    if ((is_bias && config.bias == "all") ||
        (is_bias && config.bias == "oft_only" && targets.contains(parent)) ||
        saved.contains(parent))
      replaced.push_back(name);
  }
  return replaced;
}

}  // namespace

std::vector<std::size_t> AdapterPlan::modules() const {
  std::vector<std::size_t> modules;
  for (const ModelLayer& layer : layers) modules.push_back(layer.module);
  return modules;
}

AdapterPlan plan_adapter(const PreparedTree& tree, const OFTConfig& config,
                         const ModelFacts& facts) {
  config.validate();
  AdapterPlan plan{.config = config, .spec = rotation_spec(config)};
  for (const Match& match : match_targets(config, tree.modules(), facts)) {
    ModelLayer layer = plan_layer(tree, config, match);
    place(layer, tree.tensor(layer.weight_name()), plan.flats);
    plan.layers.push_back(std::move(layer));
  }
  name_targets(plan, facts);
  name_layout(plan);
  plan.replaced = find_replaced(tree, plan);
  return plan;
}

const at::Tensor& rotatable_weight(const PreparedTree& tree, const Layer& module) {
  const std::string what = "layer '" + module.name + "'";
  const auto found = tree.tensors().find(module.name + ".weight");
  if (found == tree.tensors().end() || !found->second.defined())
    throw Error(Status::kUnsupported,
                what + (module.class_name.empty() ? "" : " (" + module.class_name + ")") +
                    ": has no parameter 'weight' to rotate; leave it out by exclude_modules");
  const at::Tensor& weight = found->second;
  if (!is_rotatable(weight.scalar_type()))
    throw Error(Status::kUnsupported,
                what + ": its weight is " + torch_name(weight.scalar_type()) +
                    ", and only float16, bfloat16, float32 and float64 can be rotated; use a model "
                    "that is not quantised");
  return weight;
}

void place(ModelLayer& layer, const at::Tensor& weight, std::vector<FlatShape>& flats) {
  const at::ScalarType dtype = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  auto flat = std::find_if(flats.begin(), flats.end(), [&](const FlatShape& candidate) {
    return candidate.block_size == layer.block_size && candidate.dtype == dtype &&
           candidate.device == weight.device();
  });
  if (flat == flats.end())
    flat = flats.insert(flats.end(), FlatShape{layer.block_size, dtype, weight.device()});
  layer.flat = static_cast<std::size_t>(flat - flats.begin());
  layer.first_row = std::exchange(flat->rows, flat->rows + layer.rows);
}

at::Tensor weight_to_matrix(const ModelLayer& layer, const at::Tensor& weight, Side side) {
  if (layer.kind == LayerKind::kConv1D) return weight.t();
  if (!is_convolution(layer.kind)) return weight;
  if (layer.groups == 1 || side == Side::kOutput) return weight.flatten(1);
  return weight.reshape({layer.groups, weight.size(0) / layer.groups, -1})
      .transpose(0, 1)
      .flatten(1);
}

at::Tensor matrix_to_weight(const ModelLayer& layer, const at::Tensor& matrix,
                            at::IntArrayRef shape, Side side) {
  if (layer.kind == LayerKind::kConv1D) return matrix.t().contiguous();
  if (layer.groups == 1 || side == Side::kOutput) return matrix.reshape(shape);
  return matrix.reshape({shape[0] / layer.groups, layer.groups, -1}).transpose(0, 1).reshape(shape);
}

}  // namespace oft
