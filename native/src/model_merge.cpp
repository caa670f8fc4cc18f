#include "model_merge.hpp"

#include <ATen/ops/all.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <set>
#include <utility>

#include "dtypes.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"

namespace oft {
namespace {

/// As matrices all kinds of layers are one of two.
LayerKind matrix_kind(const ModelLayer& layer) {
  return layer.kind == LayerKind::kEmbedding ? LayerKind::kEmbedding : LayerKind::kLinear;
}

/// By `merge_weight` or `unmerge_weight`. Groups of a convolution turn inputs of their own and
/// outputs together, sides that do not mix.
template <typename Rotate>
at::Tensor rotate_weight(const ModelLayer& layer, const at::Tensor& weight,
                         const std::vector<Rotation>& rotations, const Rotate& rotate) {
  const auto rotate_side = [&](Side side, const at::Tensor& value,
                               const std::vector<Rotation>& chosen) {
    return matrix_to_weight(
        layer, rotate(weight_to_matrix(layer, value, side), matrix_kind(layer), chosen),
        value.sizes(), side);
  };
  if (layer.groups == 1) return rotate_side(Side::kInput, weight, rotations);
  std::vector<Rotation> inputs;
  std::vector<Rotation> outputs;
  for (const Rotation& rotation : rotations)
    (rotation.spec().side == Side::kInput ? inputs : outputs).push_back(rotation);
  if (outputs.empty()) return rotate_side(Side::kInput, weight, inputs);
  if (inputs.empty()) return rotate_side(Side::kOutput, weight, outputs);
  const at::Tensor exact =  // between the sides
      weight.scalar_type() == at::kDouble ? weight : weight.to(at::kFloat);
  return rotate_side(Side::kOutput, rotate_side(Side::kInput, exact, inputs), outputs);
}

at::Tensor merged_weight(const ModelLayer& layer, const at::Tensor& weight,
                         const std::vector<Rotation>& rotations, at::ScalarType dtype, bool safe) {
  const auto merge = [](const at::Tensor& matrix, LayerKind kind,
                        const std::vector<Rotation>& chosen) {
    return merge_weight(matrix, kind, chosen);
  };
  const at::Tensor merged = rotate_weight(layer, weight, rotations, merge).to(dtype);
  if (safe && !merged.isfinite().all().item<bool>())
    throw Error(Status::kInvalidArgument,
                "layer '" + layer.name +
                    "': its merged weight holds values that are not finite; its base weight, the "
                    "adapter or the range of " +
                    torch_name(dtype) + " is to blame. Nothing was changed");
  return merged;
}

}  // namespace

at::Tensor MergedAdapters::base_tensor(const PreparedTree& tree, const std::string& name) const {
  if (const auto found = originals_.find(name); found != originals_.end()) return found->second;
  const at::Tensor& merged = tree.tensor(name);
  const auto found = layers_.find(name);
  if (found == layers_.end()) return merged;
  const auto& [layer, rotations] = found->second;
  try {
    return rotate_weight(layer, merged.to(at::kDouble), rotations, unmerge_weight);
  } catch (const Error& error) {
    throw Error(error.status(), "layer '" + layer.name + "': " + error.what());
  }
}

std::map<std::string, at::Tensor> MergedAdapters::base_tensors(const PreparedTree& tree) const {
  std::map<std::string, at::Tensor> tensors = originals_;
  for (const auto& [name, merged] : layers_)
    tensors[name] = base_tensor(tree, name).to(tree.tensor(name).scalar_type());
  return tensors;
}

MergedAdapters MergedAdapters::make(const PreparedTree& tree, const MergedAdapters* before,
                                    bool in_place, const std::vector<std::string>& names,
                                    const std::vector<AdapterParameters>& adapters, bool safe,
                                    const LayerProgress& progress) {
  const auto base = [&](const std::string& name) {
    return before != nullptr && in_place ? before->base_tensor(tree, name) : tree.tensor(name);
  };

  MergedAdapters result;
  if (before != nullptr) result = *before;
  result.names_.insert(result.names_.end(), names.begin(), names.end());
  std::set<std::string> touched;
  for (const AdapterParameters& adapter : adapters) {
    for (std::size_t i = 0; i < adapter.plan->layers.size(); ++i) {
      const ModelLayer& layer = adapter.plan->layers[i];
      const std::string name = layer.weight_name();
      result.layers_.try_emplace(name, MergedLayer{layer, {}})
          .first->second.rotations.push_back(adapter.rotation(i));
      touched.insert(name);
    }
    for (const ReplacedTensor& tensor : adapter.replaced) {
      result.originals_.try_emplace(tensor.name, base(tensor.name).to(tensor.value.scalar_type()));
      result.replacements_[tensor.name] = tensor.value.detach().clone();
      touched.insert(tensor.name);
    }
  }

  const auto total = std::ranges::count_if(
      touched, [&](const std::string& name) { return result.layers_.contains(name); });
  std::int64_t done = 0;
  for (const std::string& name : touched) {
    const auto replaced = result.replacements_.find(name);
    const bool is_replaced = replaced != result.replacements_.end();
    at::Tensor value = is_replaced ? replaced->second : base(name);
    const auto merged = result.layers_.find(name);
    const bool is_rotated = merged != result.layers_.end();
    if (is_rotated)
      value = merged_weight(merged->second.layer, value, merged->second.rotations,
                            tree.tensor(name).scalar_type(), safe);
    result.tensors_[name] = std::move(value);
    if (is_rotated && progress && !progress(++done, total))
      throw Error(Status::kCancelled, "the merge was cancelled after " + std::to_string(done) +
                                          " of " + std::to_string(total) +
                                          " layers; the model is as before");
  }
  return result;
}

}  // namespace oft
