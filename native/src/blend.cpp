#include "oft/blend.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "blend_config.hpp"
#include "blend_factor.hpp"
#include "foreign_adapter.hpp"
#include "json_text.hpp"
#include "layer_rotations.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// One layer of one part.
struct Source {
  std::size_t part;
  const AdapterLayer* layer;
};

/// One layer of the result, with all parts that have it.
struct Target {
  std::string name;
  std::string component;
  std::vector<Source> sources;
};

class Blender {
 public:
  Blender(const std::vector<BlendPart>& parts, const BlendOptions& options, BlendReport& report)
      : parts_(parts), options_(options), report_(report) {
    check_parts();
    for (BlendPart& part : parts_)
      bases_.emplace_back(options_.base, options_.component, part.adapter);
  }

  AdapterFile run() {
    report_.rule = options_.rule;
    AdapterFile result{OFTConfig()};
    std::vector<LayerBlocks> blocks;
    const std::vector<Target> targets = collect();
    for (const Target& target : targets) {
      try {
        add(target, result, blocks);
      } catch (const Error& error) {
        const std::string text = error.what();
        throw Error(error.status(), text.find('\'' + target.name + '\'') != std::string::npos
                                        ? text
                                        : "layer '" + target.name + "': " + text);
      }
    }
    settle_sharing(result, blocks);
    if (result.layers.front().side == Side::kOutput) {
      announce_layers(result);
    } else {
      result.replacements = blend_replacements(parts_, options_.force, report_.warnings);
      result.config = blend_config(parts_, result, blocks);
    }
    result.warnings = result.config.warnings;
    finish(result);
    return result;
  }

 private:
  void check_parts() const {
    if (parts_.empty())
      throw Error(Status::kInvalidArgument, "no adapter to blend; give one or more");
    for (const BlendPart& part : parts_) {
      const AdapterFile& adapter = part.adapter;
      if (!std::isfinite(part.weight))
        throw Error(Status::kInvalidArgument, "weight " + number_text(part.weight) + " of " +
                                                  adapter.path.string() + ": it must be finite");
      if (adapter.layers.empty())
        throw Error(Status::kInvalidArgument,
                    adapter.path.string() + ": has no layer that could be blended");
    }
  }

  /// Layers of one name belong together. Where the parts name no more than one component, those
  /// that name none mean it too.
  std::vector<Target> collect() {
    std::set<std::string> components;
    for (const BlendPart& part : parts_) {
      for (const AdapterLayer& layer : part.adapter.layers)
        if (!layer.component.empty()) components.insert(layer.component);
      if (!part.adapter.unused_keys.empty()) complain_of_unused(part.adapter);
      report_.warnings.insert(report_.warnings.end(), part.adapter.warnings.begin(),
                              part.adapter.warnings.end());
    }
    std::map<std::pair<std::string, std::string>, Target> targets;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (const AdapterLayer& layer : parts_[i].adapter.layers) {
        const std::string component =
            components.size() == 1 ? *components.begin() : layer.component;
        Target& target = targets[{layer.name, component}];
        target.name = layer.name;
        target.component = component;
        target.sources.push_back({i, &layer});
      }
    std::vector<Target> ordered;
    for (auto& [key, target] : targets) ordered.push_back(std::move(target));
    return ordered;
  }

  void complain_of_unused(const AdapterFile& adapter) {
    const std::string text = adapter.path.string() + ": " +
                             std::to_string(adapter.unused_keys.size()) +
                             " tensors that are not understood: " + quote_some(adapter.unused_keys);
    if (!options_.force)
      throw Error(Status::kInvalidArgument, text + " (use force to go on without)");
    report_.warnings.push_back(text);
  }

  void add(const Target& target, AdapterFile& result, std::vector<LayerBlocks>& blocks) {
    const AdapterLayer& first = *target.sources.front().layer;
    AdapterLayer layer{.name = target.name,
                       .is_embedding = first.is_embedding,
                       .side = first.side,
                       .component = target.component};
    const Side side = result.layers.empty() ? first.side : result.layers.front().side;
    std::vector<std::vector<Rotation>> rotations;
    for (const Source& source : target.sources) {
      if (source.layer->side != side || source.layer->is_embedding != first.is_embedding)
        throw Error(Status::kInvalidArgument,
                    parts_[source.part].adapter.path.string() +
                        " turns it in another place than the adapters before (inputs, outputs or "
                        "rows of an embedding); such adapters cannot become one, merge them "
                        "one after another instead");
      rotations.push_back(
          layer_rotations(parts_[source.part].adapter, *source.layer, bases_[source.part]));
    }
    BlendedLayer row{.name = target.name,
                     .component = target.component,
                     .side = std::string(side_name(side)),
                     .adapters = static_cast<std::int64_t>(target.sources.size())};
    for (std::size_t i = 0; i < rotations.front().size(); ++i) {
      const BlendedFactor factor = blend_factor(terms_of(target, rotations, i), options_.rule);
      const RotationSpec& spec = rotations.front()[i].spec();
      const at::Tensor q = factor.q.to(dtype_of(target));
      layer.factors.push_back(
          {.q = q, .first_feature = spec.first_feature, .butterfly = spec.butterfly});
      const Rotation made(q, q.size(0) * factor.block_size, {});
      row.largest_angle = std::max(row.largest_angle, made.largest_angle());
      row.orthogonality_error = std::max(row.orthogonality_error, made.orthogonality_error());
      row.blocks += q.size(0);
      if (i == 0) row.block_size = factor.block_size;
      if (i == 0) blocks.push_back(blocks_of(target, rotations, factor));
    }
    layer.row_scale = blend_scales(target, rotations);
    if (layer.factors.front().butterfly != 0)
      result.format = AdapterFormat::kLycorisBoft;
    else if (side == Side::kOutput && result.layers.empty())
      result.format = AdapterFormat::kLycoris;
    result.layers.push_back(std::move(layer));
    report_.layers.push_back(std::move(row));
  }

  /// Factor `index` of all sources, which must be made alike.
  std::vector<BlendTerm> terms_of(const Target& target,
                                  const std::vector<std::vector<Rotation>>& rotations,
                                  std::size_t index) const {
    std::vector<BlendTerm> terms;
    const RotationSpec& first = rotations.front()[index].spec();
    for (std::size_t i = 0; i < rotations.size(); ++i) {
      const bool is_alike = rotations[i].size() == rotations.front().size() &&
                            rotations[i][index].spec().butterfly == first.butterfly &&
                            rotations[i][index].spec().first_feature == first.first_feature;
      if (!is_alike)
        throw Error(Status::kInvalidArgument,
                    parts_[target.sources[i].part].adapter.path.string() + " makes it up of " +
                        std::to_string(rotations[i].size()) + " factors, another adapter of " +
                        std::to_string(rotations.front().size()) +
                        " or of others; products made differently cannot be blended");
      terms.push_back({rotations[i][index], parts_[target.sources[i].part].weight});
    }
    return terms;
  }

  at::ScalarType dtype_of(const Target& target) const {
    if (options_.dtype) return *options_.dtype;
    const bool has_double =
        std::any_of(target.sources.begin(), target.sources.end(), [](const Source& source) {
          return source.layer->factors.front().q.scalar_type() == at::kDouble;
        });
    return has_double ? at::kDouble : at::kFloat;
  }

  LayerBlocks blocks_of(const Target& target, const std::vector<std::vector<Rotation>>& rotations,
                        const BlendedFactor& factor) const {
    LayerBlocks blocks{target.name, factor.block_size, std::nullopt};
    for (std::size_t i = 0; i < rotations.size(); ++i) {
      const Rotation& rotation = rotations[i].front();
      if (!rotation.spec().block_share || !bases_[target.sources[i].part].empty())
        blocks.features = rotation.features();
    }
    return blocks;
  }

  at::Tensor blend_scales(const Target& target,
                          const std::vector<std::vector<Rotation>>& rotations) const {
    at::Tensor sum;
    for (std::size_t i = 0; i < rotations.size(); ++i) {
      const at::Tensor& scale = rotations[i].back().row_scale();
      if (!scale.defined() || scale.eq(1).all().item<bool>()) continue;
      const at::Tensor change = (scale.to(at::kDouble) - 1) * parts_[target.sources[i].part].weight;
      sum = sum.defined() ? sum + change : change;
    }
    if (!sum.defined()) return sum;
    // In the shape of a stored scale, [out, 1, ..].
    const auto stored =
        std::find_if(target.sources.begin(), target.sources.end(),
                     [](const Source& source) { return source.layer->row_scale.defined(); });
    return (sum + 1).reshape(stored->layer->row_scale.sizes()).to(dtype_of(target));
  }

  /// One config says for all layers whether blocks are shared: where some are not, each shared one
  /// is written out.
  static void settle_sharing(AdapterFile& result, const std::vector<LayerBlocks>& blocks) {
    const auto rows = [&](std::size_t i) { return result.layers[i].factors.front().q.size(0); };
    const auto is_shared = [&](std::size_t i) {
      return rows(i) == 1 && blocks[i].features.value_or(0) != blocks[i].block_size;
    };
    bool any_shared = false;
    bool all_shared = true;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      any_shared = any_shared || is_shared(i);
      all_shared = all_shared && rows(i) == 1;
    }
    result.config.block_share = any_shared && all_shared;
    if (result.config.block_share) return;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (!is_shared(i)) continue;
      if (!blocks[i].features)
        throw Error(Status::kInvalidArgument,
                    "layer '" + blocks[i].name +
                        "': its adapters share one block, those of other layers do not, and how "
                        "many blocks it has only the base model tells; give it");
      at::Tensor& q = result.layers[i].factors.front().q;
      q = q.expand({*blocks[i].features / blocks[i].block_size, -1}).contiguous();
    }
  }

  void finish(const AdapterFile& result) {
    report_.side = side_name(result.layers.front().side);
    for (const BlendedLayer& layer : report_.layers) {
      report_.largest_angle = std::max(report_.largest_angle, layer.largest_angle);
      report_.orthogonality_error =
          std::max(report_.orthogonality_error, layer.orthogonality_error);
    }
    for (const auto& [name, tensor] : result.replacements) report_.replaced.push_back(name);
    report_.warnings.insert(report_.warnings.end(), result.warnings.begin(), result.warnings.end());
  }

  std::vector<BlendPart> parts_;
  const BlendOptions& options_;
  BlendReport& report_;
  std::vector<AdapterBases> bases_;  // of each part
};

}  // namespace

AdapterFile blend_adapters(const std::vector<BlendPart>& parts, const BlendOptions& options,
                           BlendReport* report) {
  BlendReport own;
  return Blender(parts, options, report != nullptr ? *report : own).run();
}

std::string BlendReport::to_json() const {
  Json rows = Json::array();
  for (const BlendedLayer& layer : layers)
    rows.push_back({{"name", layer.name},
                    {"component", layer.component},
                    {"side", layer.side},
                    {"adapters", layer.adapters},
                    {"block_size", layer.block_size},
                    {"blocks", layer.blocks},
                    {"largest_angle", layer.largest_angle},
                    {"orthogonality_error", layer.orthogonality_error}});
  return Json{{"rule", rule == BlendRule::kGroup ? "group" : "ortho_merge"},
              {"side", side},
              {"layers", rows},
              {"largest_angle", largest_angle},
              {"orthogonality_error", orthogonality_error},
              {"replaced", replaced},
              {"warnings", warnings}}
      .dump();
}

}  // namespace oft
