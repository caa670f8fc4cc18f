#include "adapter_parameters.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <set>
#include <utility>

#include "model_file.hpp"
#include "oft/error.hpp"
#include "oft/functional.hpp"
#include "oft/merge.hpp"
#include "oft/targets.hpp"
#include "rotation_training.hpp"
#include "text.hpp"

namespace oft {
namespace {

constexpr double kInitialDeviation = 0.1;

at::TensorOptions options_of(const FlatShape& flat) {
  return at::TensorOptions().dtype(flat.dtype).device(flat.device);
}

std::vector<std::int64_t> sizes_of(const FlatShape& flat) {
  return {flat.rows, flat.block_size * (flat.block_size - 1) / 2};
}

/// What a file holds of the tensors to be replaced, and what the model keeps of them.
std::vector<ReplacedTensor> read_replaced(const AdapterPlan& plan, const PreparedTree& tree,
                                          const BaseTensors& base, const AdapterFile& file) {
  std::vector<std::string> unknown;
  for (const auto& [name, tensor] : file.replacements) {
    const auto found = tree.tensors().find(name);
    if (found == tree.tensors().end()) {
      unknown.push_back(name);
    } else if (found->second.sizes() != tensor.sizes()) {
      throw Error(Status::kInvalidArgument,
                  "'" + name + "': " + origin_text(file) + " holds " + shape_text(tensor.sizes()) +
                      ", the model " + shape_text(found->second.sizes()) +
                      "; resize the model first, or take the adapter for it");
    }
  }
  if (!unknown.empty())
    throw Error(Status::kInvalidArgument, origin_text(file) + ": replaces " + quote_some(unknown) +
                                              ", which the model lacks");

  std::vector<std::string> missing;
  std::set<std::string> names(plan.replaced.begin(), plan.replaced.end());
  for (const std::string& name : names)
    if (tree.is_parameter(name) && !file.replacements.contains(name)) missing.push_back(name);
  if (!missing.empty())
    throw Error(Status::kInvalidArgument, origin_text(file) + ": lacks " + quote_some(missing) +
                                              ", which its config announces by bias or "
                                              "modules_to_save");

  std::vector<ReplacedTensor> replaced;
  for (const auto& [name, tensor] : file.replacements) names.insert(name);
  for (const std::string& name : names) {
    at::Tensor value = base(name).to(tree.tensor(name).scalar_type()).clone();
    if (const auto found = file.replacements.find(name); found != file.replacements.end())
      value.copy_(found->second);
    replaced.push_back({name, std::move(value), tree.is_parameter(name)});
  }
  return replaced;
}

/// The row scale of a layer in the type of its parameters; undefined where all are 1.
at::Tensor live_scale(const AdapterPlan& plan, const ModelLayer& layer, const at::Tensor& weight,
                      const at::Tensor& scale) {
  if (!scale.defined() || scale.eq(1).all().item<bool>()) return {};
  const bool fits = layer.kind != LayerKind::kEmbedding &&
                    (layer.groups == 1 || layer.side == Side::kOutput) &&
                    scale.numel() == rotated_features(layer.kind, weight.sizes(), Side::kOutput);
  if (!fits)
    throw Error(Status::kInvalidArgument,
                "layer '" + layer.name + "': a row scale of " + std::to_string(scale.numel()) +
                    " elements does not fit its weight " + shape_text(weight.sizes()));
  return scale.to(options_of(plan.flats[layer.flat])).flatten().clone();
}

/// Which blocks of a flat tensor are dropped, each layer's for itself.
at::Tensor dropped_rows(const AdapterPlan& plan, std::size_t flat) {
  std::vector<at::Tensor> dropped;
  for (const ModelLayer& layer : plan.layers)
    if (layer.flat == flat)
      dropped.push_back(dropped_blocks(layer.rows, plan.config.module_dropout));
  return at::cat(dropped);
}

}  // namespace

AdapterParameters AdapterParameters::initial(std::shared_ptr<const AdapterPlan> plan,
                                             const PreparedTree& tree, const BaseTensors& base) {
  AdapterParameters parameters{.plan = std::move(plan)};
  for (const FlatShape& flat : parameters.plan->flats)
    parameters.flats.push_back(parameters.plan->config.init_weights
                                   ? at::zeros(sizes_of(flat), options_of(flat))
                                   : at::randn(sizes_of(flat), options_of(flat)) *
                                         kInitialDeviation);
  parameters.row_scales.resize(parameters.plan->layers.size());
  for (const std::string& name : parameters.plan->replaced)
    parameters.replaced.push_back(
        {name, base(name).to(tree.tensor(name).scalar_type()).clone(), tree.is_parameter(name)});
  return parameters;
}

AdapterParameters AdapterParameters::from_file(std::shared_ptr<const AdapterPlan> plan,
                                               const std::vector<Rotation>& rotations,
                                               const PreparedTree& tree, const BaseTensors& base,
                                               const AdapterFile& file) {
  AdapterParameters parameters{.plan = std::move(plan)};
  for (const FlatShape& flat : parameters.plan->flats)
    parameters.flats.push_back(at::zeros(sizes_of(flat), options_of(flat)));
  for (std::size_t i = 0; i < rotations.size(); ++i) {
    const ModelLayer& layer = parameters.plan->layers[i];
    parameters.layer_q(layer).copy_(rotations[i].q());
    parameters.row_scales.push_back(live_scale(
        *parameters.plan, layer, tree.tensor(layer.weight_name()), rotations[i].row_scale()));
  }
  parameters.replaced = read_replaced(*parameters.plan, tree, base, file);
  return parameters;
}

AdapterFile AdapterParameters::to_file() const {
  if (plan->foreign) return *plan->foreign;
  AdapterFile file(plan->config);
  for (const ModelLayer& layer : plan->layers)
    file.put(layer.name, layer.kind == LayerKind::kEmbedding, layer_q(layer).clone());
  for (std::size_t i = 0; i < plan->layers.size(); ++i)
    if (row_scales[i].defined())
      std::find_if(file.layers.begin(), file.layers.end(), [&](const AdapterLayer& layer) {
        return layer.name == plan->layers[i].name;
      })->row_scale = row_scales[i].unsqueeze(1).clone();
  for (const ReplacedTensor& tensor : replaced)
    file.replacements.emplace(tensor.name, tensor.value.detach().clone());
  return file;
}

at::Tensor AdapterParameters::layer_q(const ModelLayer& layer) const {
  return flats[layer.flat].detach().narrow(0, layer.first_row, layer.rows);
}

Rotation AdapterParameters::rotation(std::size_t index) const {
  const ModelLayer& layer = plan->layers[index];
  RotationSpec spec = plan->spec;
  spec.block_share = layer.rows * layer.block_size != layer.features;
  spec.side = layer.side;
  spec.first_feature = layer.first_feature;
  spec.butterfly = layer.butterfly;
  return Rotation(layer_q(layer).clone(), layer.features, spec, row_scales[index]);
}

at::Tensor AdapterParameters::projected(std::size_t flat) const {
  std::vector<at::Tensor> parts;
  for (const ModelLayer& layer : plan->layers)
    if (layer.flat == flat) parts.push_back(project_coft(layer_q(layer), *plan->spec.coft_eps));
  return at::cat(parts);
}

std::vector<at::Tensor> AdapterParameters::matrices(bool training) const {
  const RotationSpec& spec = plan->spec;
  std::vector<std::vector<std::int64_t>> rows(flats.size());
  for (const ModelLayer& layer : plan->layers) rows[layer.flat].push_back(layer.rows);

  std::vector<std::vector<at::Tensor>> parts(flats.size());
  for (std::size_t i = 0; i < flats.size(); ++i) {
    const std::int64_t b = plan->flats[i].block_size;
    if (b == 1) continue;
    at::Tensor q = flats[i];
    // In training, the parameters themselves have moved there.
    if (spec.coft_eps && !training) q = straight_through(q, projected(i));
    at::Tensor r = functional::cayley(q, b, spec);
    if (training && plan->config.module_dropout > 0) r = without_blocks(r, dropped_rows(*plan, i));
    parts[i] = r.split_with_sizes(rows[i]);
  }

  std::vector<at::Tensor> matrices;
  std::vector<std::size_t> next(flats.size());
  for (const ModelLayer& layer : plan->layers)
    matrices.push_back(layer.block_size == 1 ? at::Tensor()
                                             : parts[layer.flat][next[layer.flat]++]);
  return matrices;
}

AdapterParameters AdapterParameters::alias(bool differentiable) const {
  const auto alias_of = [&](const at::Tensor& tensor) {
    return differentiable && tensor.requires_grad() ? tensor.view_as(tensor) : tensor.detach();
  };
  AdapterParameters aliases{.plan = plan, .row_scales = row_scales};
  for (const at::Tensor& flat : flats) aliases.flats.push_back(alias_of(flat));
  for (const ReplacedTensor& tensor : replaced)
    aliases.replaced.push_back({tensor.name, alias_of(tensor.value), tensor.is_parameter});
  return aliases;
}

std::vector<at::Tensor> AdapterParameters::leaves() const {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& flat : flats)
    if (flat.numel() > 0) leaves.push_back(flat);
  for (const ReplacedTensor& tensor : replaced)
    if (tensor.is_parameter) leaves.push_back(tensor.value);
  return leaves;
}

}  // namespace oft
