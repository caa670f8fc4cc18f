#include "merge_plan.hpp"

#include "dtypes.hpp"
#include "embedding_names.hpp"
#include "foreign_adapter.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "text.hpp"

namespace oft {
namespace {

bool is_floating(SafetensorsDType dtype) {
  return dtype == SafetensorsDType::kF16 || dtype == SafetensorsDType::kBF16 ||
         dtype == SafetensorsDType::kF32 || dtype == SafetensorsDType::kF64;
}

/// Collects layers, replacements and complaints, then lays the output out.
class Planner {
 public:
  Planner(const Checkpoint& base, MergePlan& plan, const CheckpointMergeOptions& options)
      : base_(base), plan_(plan), options_(options) {}

  void run() {
    for (std::size_t i = 0; i < plan_.adapters.size(); ++i) add_adapter(i);
    check_tied_embedding();
    lay_out();
    if (options_.max_shard_size != 0) reshard();
  }

 private:
  /// A fault that `force` turns into a warning.
  void complain(const std::string& message) {
    if (!options_.force)
      throw Error(Status::kInvalidArgument, message + " (use force to go on without)");
    plan_.warnings.push_back(message);
  }

  void add_adapter(std::size_t index) {
    AdapterFile& adapter = plan_.adapters[index];
    adapter.resolve_names(base_.layers());
    plan_.warnings.insert(plan_.warnings.end(), adapter.warnings.begin(), adapter.warnings.end());
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < adapter.layers.size(); ++i)
      if (!add_layer(index, i)) missing.push_back(adapter.layers[i].name);
    if (!missing.empty()) {
      const std::string text =
          adapter.path.string() + ": " + missing_layers_text(missing, adapter.layers.size(), base_);
      if (missing.size() == adapter.layers.size()) throw Error(Status::kInvalidArgument, text);
      complain(text);
    }
    if (!adapter.unused_keys.empty())
      complain(adapter.path.string() + ": " + std::to_string(adapter.unused_keys.size()) +
               (is_peft(adapter.format) ? " tensors that its config does not announce: "
                                        : " tensors that are not understood: ") +
               quote_some(adapter.unused_keys));
    for (const auto& [name, tensor] : adapter.replacements) add_replacement(adapter, name, tensor);
  }

  bool add_layer(std::size_t adapter_index, std::size_t layer_index) {
    const AdapterFile& adapter = plan_.adapters[adapter_index];
    const AdapterLayer& layer = adapter.layers[layer_index];
    const std::string weight = layer.name + ".weight";
    const Checkpoint::Location* location = base_.find(weight);
    if (location == nullptr) return false;

    const std::vector<std::int64_t>& shape = location->entry->shape;
    const LayerKind kind = layer_kind(adapter, layer, shape.size());
    if (!is_floating(location->entry->dtype))
      throw Error(Status::kUnsupported,
                  "layer '" + layer.name + "': its weight is stored as " +
                      std::string(dtype_name(location->entry->dtype)) +
                      ", which cannot be rotated; dequantise the base model first");
    try {
      adapter.rotations(layer, kind, shape);  // throws where it does not fit
    } catch (const Error& error) {
      throw Error(error.status(), std::string(error.what()) + " (base weight '" + weight + "' is " +
                                      shape_text(shape) + ")");
    }
    if (!layer.is_finite())
      plan_.warnings.push_back("layer '" + layer.name +
                               "': its parameters hold NaN or infinity, and so will its weight");
    const auto [position, added] = layer_of_weight_.emplace(weight, plan_.layers.size());
    if (added) plan_.layers.push_back({layer.name, kind, {}});
    plan_.layers[position->second].parts.emplace_back(adapter_index, layer_index);
    return true;
  }

  void add_replacement(const AdapterFile& adapter, const std::string& name,
                       const at::Tensor& tensor) {
    if (replacements_.contains(name) && !replacements_[name].equal(tensor))
      complain("two adapters replace '" + name + "'; the last one counts");
    const Checkpoint::Location* location = base_.find(name);
    if (location == nullptr) {
      plan_.warnings.push_back("'" + name + "' of " + adapter.path.string() +
                               " is new to the base model; it is added");
    } else {
      const std::vector<std::int64_t>& shape = location->entry->shape;
      const bool resized = shape.size() == 2 && tensor.dim() == 2 && shape[1] == tensor.size(1);
      if (tensor.sizes() != at::IntArrayRef(shape) && !resized)
        throw Error(Status::kInvalidArgument, "'" + name + "': " + adapter.path.string() +
                                                  " holds " + shape_text(tensor.sizes()) +
                                                  ", the base model " + shape_text(shape) +
                                                  "; the adapter is for another model");
      if (tensor.sizes() != at::IntArrayRef(shape))
        plan_.warnings.push_back("'" + name + "' changes from " + shape_text(shape) + " to " +
                                 shape_text(tensor.sizes()) +
                                 "; correct vocab_size in the merged config.json");
    }
    replacements_[name] = tensor;
  }

  /// A tied head is the input embedding itself: rotating one changes the other.
  void check_tied_embedding() {
    if (!base_.has_tied_head()) return;
    for (const PlannedLayer& layer : plan_.layers)
      if (layer.kind == LayerKind::kEmbedding && is_input_embedding_name(layer.name))
        complain(
            "layer '" + layer.name +
            "': the model's output head shares this weight (tie_word_embeddings), so merging "
            "turns both, which the adapter was not trained for; store a head of its own first");
  }

  PlannedTensor plan_tensor(const std::string& name, const std::string& stored_name,
                            const Checkpoint::Location* location) {
    PlannedTensor planned;
    planned.source = location;
    if (location != nullptr)
      planned.target = {
          .name = stored_name, .dtype = location->entry->dtype, .shape = location->entry->shape};
    if (const auto found = replacements_.find(name); found != replacements_.end()) {
      planned.replacement = found->second;
      const auto dtype = location != nullptr
                             ? location->entry->dtype
                             : safetensors_dtype(found->second.scalar_type(), "'" + name + "'");
      planned.target = {.name = stored_name, .dtype = dtype, .shape = found->second.sizes().vec()};
      plan_.replaced.push_back(name);
    }
    if (const auto found = layer_of_weight_.find(name); found != layer_of_weight_.end())
      planned.layer = found->second;
    if (options_.dtype && is_floating(planned.target.dtype))
      planned.target.dtype = safetensors_dtype(*options_.dtype, "dtype");
    return planned;
  }

  void lay_out() {
    for (const SafetensorsFile& file : base_.files())
      plan_.files.push_back({file.path().filename().string(), file.metadata(), {}});
    std::map<const SafetensorsEntry*, const std::string*> names;
    for (const auto& [name, location] : base_.tensors()) names[location.entry] = &name;
    for (std::size_t i = 0; i < base_.files().size(); ++i)
      for (const SafetensorsEntry& entry : base_.files()[i].entries()) {
        const std::string& name = *names.at(&entry);
        plan_.files[i].tensors.push_back(plan_tensor(name, entry.name, base_.find(name)));
      }
    for (const auto& [name, tensor] : replacements_)
      if (base_.find(name) == nullptr)
        plan_.files.back().tensors.push_back(plan_tensor(name, name, nullptr));
  }

  void reshard() {
    std::vector<PlannedFile> shards;
    std::uint64_t used = 0;
    for (PlannedFile& file : plan_.files)
      for (PlannedTensor& tensor : file.tensors) {
        const std::uint64_t bytes =
            static_cast<std::uint64_t>(tensor.target.numel()) * dtype_size(tensor.target.dtype);
        if (shards.empty() || (used + bytes > options_.max_shard_size && used > 0)) {
          shards.push_back({"", file.metadata, {}});
          used = 0;
        }
        used += bytes;
        shards.back().tensors.push_back(std::move(tensor));
      }
    for (std::size_t i = 0; i < shards.size(); ++i) {
      char number[32];
      std::snprintf(number, sizeof number, "-%05zu-of-%05zu", i + 1, shards.size());
      shards[i].name = base_.stem() + (shards.size() > 1 ? number : "") + ".safetensors";
    }
    plan_.files = std::move(shards);
  }

  const Checkpoint& base_;
  MergePlan& plan_;
  const CheckpointMergeOptions& options_;
  std::map<std::string, std::size_t> layer_of_weight_;
  std::map<std::string, at::Tensor> replacements_;
};

}  // namespace

LayerKind layer_kind(const AdapterFile& adapter, const AdapterLayer& layer, std::size_t dims) {
  if (layer.is_embedding) return LayerKind::kEmbedding;
  if (dims == 3) return LayerKind::kConv1d;
  if (dims == 4) return LayerKind::kConv2d;
  return adapter.config.fan_in_fan_out ? LayerKind::kConv1D : LayerKind::kLinear;
}

std::string missing_layers_text(const std::vector<std::string>& missing, std::size_t total,
                                const Checkpoint& base) {
  std::vector<std::string> candidates;
  for (const Layer& layer : base.layers()) candidates.push_back(layer.name);
  const std::vector<std::string> near = nearest_names(missing.front(), candidates);
  return std::to_string(missing.size()) + " of its " + std::to_string(total) +
         " layers have no weight in " + base.path().string() + ": " + quote_some(missing) +
         (near.empty() ? "" : "; nearest to the first: " + quote_some(near)) +
         (missing.size() == total ? "; the adapter is for another model" : "");
}

MergePlan MergePlan::make(const Checkpoint& base, std::vector<AdapterFile> adapters,
                          const CheckpointMergeOptions& options) {
  MergePlan plan;
  plan.adapters = std::move(adapters);
  Planner(base, plan, options).run();
  return plan;
}

std::vector<Rotation> MergePlan::rotations(const PlannedLayer& layer, at::IntArrayRef shape) const {
  std::vector<Rotation> rotations;
  for (const auto& [adapter, index] : layer.parts) {
    const AdapterFile& file = adapters[adapter];
    for (Rotation& rotation : file.rotations(file.layers[index], layer.kind, shape))
      rotations.push_back(std::move(rotation));
  }
  return rotations;
}

}  // namespace oft
