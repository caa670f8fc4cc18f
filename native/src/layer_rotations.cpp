#include "layer_rotations.hpp"

#include <algorithm>
#include <cstdint>

#include "hub_cache.hpp"
#include "merge_plan.hpp"
#include "oft/error.hpp"
#include "pipeline.hpp"

namespace oft {
namespace {

/// The features that a layer's blocks are for, as far as the file tells.
std::int64_t stored_features(const AdapterFile& adapter, const AdapterLayer& layer) {
  const AdapterFactor& last = layer.factors.back();
  const std::int64_t b = block_size_of(last.q.size(1));
  if (!adapter.config.block_share) return last.first_feature + last.q.size(0) * b;
  if (adapter.config.oft_block_size != 0) return b;
  return b * find_rank_pattern(adapter.config, layer.name).value_or(adapter.config.r);
}

[[noreturn]] void need_base(const AdapterFile& adapter, const AdapterLayer& layer,
                            const std::string& reason) {
  throw Error(Status::kInvalidArgument, "layer '" + layer.name + "' of " + adapter.maker() + ": " +
                                            reason + ", which only the base model tells; give it");
}

}  // namespace

AdapterBases::AdapterBases(const std::filesystem::path& base, const std::string& component,
                           AdapterFile& adapter) {
  if (base.empty()) return;
  const std::filesystem::path path = local_model_path(base);
  const bool is_pipeline = !pipeline_components(path).empty();
  AdapterFile joined = adapter;
  joined.layers.clear();
  const std::size_t warnings = adapter.warnings.size();
  for (AdaptedModel& model :
       assign_adapters(path, {{adapter, is_pipeline ? component : std::string()}})) {
    AdapterFile& part = model.adapters.front();
    part.resolve_names(model.checkpoint.layers());
    for (AdapterLayer& layer : part.layers) {
      if (is_pipeline) layer.component = model.component;
      joined.layers.push_back(std::move(layer));
    }
    for (std::size_t i = warnings; i < part.warnings.size(); ++i)
      joined.warnings.push_back(part.warnings[i]);
    models_.emplace(model.component, std::move(model.checkpoint));
  }
  adapter = std::move(joined);
}

const Checkpoint* AdapterBases::of(const AdapterLayer& layer) const {
  const auto found = models_.find(layer.component);
  if (found != models_.end()) return &found->second;
  return models_.size() == 1 ? &models_.begin()->second : nullptr;
}

std::vector<Rotation> layer_rotations(const AdapterFile& adapter, const AdapterLayer& layer,
                                      const AdapterBases& bases) {
  const Checkpoint* base = bases.of(layer);
  const Checkpoint::Location* location =
      base == nullptr ? nullptr : base->find(layer.name + ".weight");
  if (location != nullptr) {
    const std::vector<std::int64_t>& shape = location->entry->shape;
    return adapter.rotations(layer, layer_kind(adapter, layer, shape.size()), shape);
  }
  if (adapter.format == AdapterFormat::kOneTrainer)
    need_base(adapter, layer, "it turns convolutions the other way than other layers");
  if (layer.legacy_matrix.defined() && adapter.config.coft && adapter.config.block_share)
    need_base(adapter, layer, "the radius of its COFT depends on the number of blocks");
  const std::int64_t features = stored_features(adapter, layer);
  const std::vector<std::int64_t> shape = layer.side == Side::kInput
                                              ? std::vector<std::int64_t>{1, features}
                                              : std::vector<std::int64_t>{features, 1};
  return adapter.rotations(layer, LayerKind::kLinear, shape);
}

}  // namespace oft
