#include "oft/extract.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "checkpoint_difference.hpp"
#include "checkpoint_tensor.hpp"
#include "dtypes.hpp"
#include "extract_layer.hpp"
#include "hub_cache.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "pipeline.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

// A rotation that leaves more of the change than this is worth a warning.
constexpr double kPoorlyExplained = 0.9;

Checkpoint open_part(const fs::path& name, const std::string& component) {
  const fs::path path = local_model_path(name);
  const std::vector<std::string> parts = pipeline_components(path);
  if (parts.empty()) return Checkpoint::open(path);
  if (std::find(parts.begin(), parts.end(), component) == parts.end())
    throw Error(Status::kInvalidArgument,
                path.string() + ": is a pipeline; " +
                    (component.empty() ? "say which component to compare"
                                       : "it has no component '" + component + "'") +
                    ", of " + quote_some(parts));
  return Checkpoint::open(part_of(path, component));
}

void require_exact(const OFTConfig& config) {
  if (config.use_cayley_neumann)
    throw Error(Status::kInvalidArgument,
                "use_cayley_neumann is true, but what is extracted are rotations, which only the "
                "exact Cayley formula makes; set it to false and convert the adapter afterwards");
  if (config.coft)
    throw Error(Status::kInvalidArgument,
                "coft is true, but its radius would cut the rotations that are extracted; set it "
                "to false");
}

bool is_weight(const Checkpoint::Location& location) {
  const SafetensorsDType dtype = location.entry->dtype;
  return dtype == SafetensorsDType::kF16 || dtype == SafetensorsDType::kBF16 ||
         dtype == SafetensorsDType::kF32 || dtype == SafetensorsDType::kF64;
}

class Extractor {
 public:
  Extractor(const fs::path& base, const fs::path& tuned, OFTConfig config,
            const ExtractOptions& options, ExtractReport& report, const ProgressFunction& progress)
      : base_(open_part(base, options.component)),
        tuned_(open_part(tuned, options.component)),
        config_(std::move(config)),
        options_(options),
        report_(report),
        progress_(progress) {
    require_exact(config_);
    for (const auto& [name, location] : base_.tensors()) base_bytes_ += location.entry->bytes();
    total_ = base_bytes_;
  }

  AdapterFile run() {
    CheckpointDifference difference =
        compare_checkpoints(base_, tuned_, [&](std::uint64_t bytes) { tell(bytes); });
    report_.missing = std::move(difference.missing);
    report_.added = std::move(difference.added);
    changed_.insert(difference.changed.begin(), difference.changed.end());
    const bool targets_all = std::holds_alternative<std::monostate>(config_.target_modules);
    if (targets_all) target_changed_layers();

    config_.peft_version = OFTConfig().peft_version;
    config_.module_dropout = 0;
    config_.inference_mode = true;
    AdapterFile file(config_);
    const std::vector<Layer> layers = base_.layers();
    const std::vector<Match> matches = match_targets(config_, layers, base_.facts());
    for (const Match& match : matches)
      if (changed_.contains(layers[match.layer].name + ".weight"))
        total_ += base_.find(layers[match.layer].name + ".weight")->entry->bytes();
    done_ = base_bytes_;
    for (const Match& match : matches) add(layers[match.layer], match, file);
    finish();
    return file;
  }

 private:
  void tell(std::uint64_t done) {
    if (progress_ && !progress_({done, total_}))
      throw Error(Status::kCancelled, "the extraction was cancelled");
  }

  /// No targets asked for: those that the checkpoints show.
  void target_changed_layers() {
    std::vector<std::string> names;
    for (const Layer& layer : base_.layers()) {
      const std::string weight = layer.name + ".weight";
      const Checkpoint::Location* location = base_.find(weight);
      const Checkpoint::Location* other = tuned_.find(weight);
      if (changed_.contains(weight) && is_weight(*location) && is_weight(*other) &&
          location->entry->shape == other->entry->shape)
        names.push_back(layer.name);
    }
    if (names.empty())
      throw Error(Status::kInvalidArgument,
                  tuned_.path().string() + ": no layer has another weight than in " +
                      base_.path().string() + ", so there is nothing to extract");
    config_.target_modules = names;
  }

  LayerKind kind_of(const Layer& layer) const {
    const bool is_conv1d = layer.kind == LayerKind::kLinear && config_.fan_in_fan_out;
    return is_conv1d ? LayerKind::kConv1D : layer.kind;
  }

  void add(const Layer& layer, const Match& match, AdapterFile& file) {
    const std::string weight = layer.name + ".weight";
    const Checkpoint::Location& location = *base_.find(weight);
    const Checkpoint::Location* other = tuned_.find(weight);
    const LayerKind kind = kind_of(layer);
    const std::int64_t features = rotated_features(kind, location.entry->shape);
    const std::int64_t b = resolve_block_size(config_, features, match.rank);
    const bool is_embedding = kind == LayerKind::kEmbedding;
    if (other != nullptr && !changed_.contains(weight)) {
      const std::int64_t rows = config_.block_share ? 1 : features / b;
      file.put(layer.name, is_embedding, at::zeros({rows, b * (b - 1) / 2}, options_.dtype));
      report_.unchanged.push_back(layer.name);
      return;
    }
    require_pair(layer.name, location, other);
    ExtractedLayer row{.name = layer.name};
    try {
      const Rotation rotation =
          extract_rotation(read_tensor(base_, location), read_tensor(tuned_, *other), kind, b,
                           config_.block_share, options_.dtype, row);
      file.put(layer.name, is_embedding, rotation.q());
    } catch (const Error& error) {
      throw Error(error.status(), "layer '" + layer.name + "': " + error.what());
    }
    changed_.erase(weight);
    report_.layers.push_back(std::move(row));
    done_ += location.entry->bytes();
    tell(done_);
  }

  void require_pair(const std::string& name, const Checkpoint::Location& location,
                    const Checkpoint::Location* other) const {
    const std::string layer = "layer '" + name + "': ";
    if (other == nullptr)
      throw Error(Status::kInvalidArgument, layer + "has no weight in " + tuned_.path().string() +
                                                "; leave it out by exclude_modules");
    if (location.entry->shape != other->entry->shape)
      throw Error(Status::kInvalidArgument,
                  layer + "its weight is " + shape_text(location.entry->shape) + " in the base, " +
                      shape_text(other->entry->shape) +
                      " in the tuned model; leave it out by exclude_modules");
    for (const Checkpoint::Location* weight : {&location, other})
      if (!is_weight(*weight))
        throw Error(Status::kUnsupported,
                    layer + "its weight is stored as " +
                        std::string(dtype_name(weight->entry->dtype)) +
                        ", which cannot be rotated; dequantise the model first");
  }

  void finish() {
    double change = 0;
    double residual = 0;
    std::int64_t held = 0;
    for (const ExtractedLayer& layer : report_.layers) {
      change += layer.change * layer.change;
      residual += layer.residual * layer.residual;
      held += layer.held_blocks;
      report_.largest_angle = std::max(report_.largest_angle, layer.largest_angle);
    }
    report_.changed.assign(changed_.begin(), changed_.end());
    if (report_.layers.empty())
      throw Error(Status::kInvalidArgument,
                  tuned_.path().string() + ": none of the " +
                      std::to_string(report_.unchanged.size()) +
                      " layers that the config targets has another weight than in " +
                      base_.path().string());
    report_.explained = change > 0 ? 1 - residual / change : 1;
    if (report_.explained < kPoorlyExplained)
      report_.warnings.push_back("rotations explain only " + number_text(report_.explained) +
                                 " of the change; it is of another kind, or the blocks are small");
    if (held > 0)
      report_.warnings.push_back(std::to_string(held) +
                                 " blocks turn a plane by half a turn, for which the formula has "
                                 "no parameters; they are held just below");
    if (!report_.changed.empty())
      report_.warnings.push_back(std::to_string(report_.changed.size()) +
                                 " other tensors differ too, which the adapter does not cover: " +
                                 quote_some(report_.changed));
  }

  Checkpoint base_;
  Checkpoint tuned_;
  OFTConfig config_;
  const ExtractOptions& options_;
  ExtractReport& report_;
  const ProgressFunction& progress_;
  std::set<std::string> changed_;  // tensors not yet accounted for
  std::uint64_t base_bytes_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

AdapterFile extract_adapter(const fs::path& base, const fs::path& tuned, OFTConfig config,
                            const ExtractOptions& options, ExtractReport* report,
                            const ProgressFunction& progress) {
  const auto start = std::chrono::steady_clock::now();
  ExtractReport own;
  ExtractReport& filled = report != nullptr ? *report : own;
  AdapterFile file = Extractor(base, tuned, std::move(config), options, filled, progress).run();
  filled.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return file;
}

std::string ExtractReport::to_json() const {
  Json rows = Json::array();
  for (const ExtractedLayer& layer : layers)
    rows.push_back({{"name", layer.name},
                    {"kind", layer.kind},
                    {"shape", layer.shape},
                    {"block_size", layer.block_size},
                    {"blocks", layer.blocks},
                    {"change", layer.change},
                    {"relative_change", layer.relative_change},
                    {"residual", layer.residual},
                    {"explained", layer.explained},
                    {"largest_angle", layer.largest_angle},
                    {"held_blocks", layer.held_blocks}});
  return Json{{"layers", rows},         {"explained", explained}, {"largest_angle", largest_angle},
              {"unchanged", unchanged}, {"changed", changed},     {"missing", missing},
              {"added", added},         {"warnings", warnings},   {"seconds", seconds}}
      .dump();
}

}  // namespace oft
