#include "oft/convert.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <chrono>

#include "conversion.hpp"
#include "hub_cache.hpp"
#include "json_text.hpp"
#include "layer_rotations.hpp"
#include "merge_target.hpp"
#include "module_name.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

// Up to here what was written differs from what was read by the rounding of float32.
constexpr double kExact = 1e-6;

std::string prefix_of(const Conversion& conversion, const std::string& component) {
  if (component == "unet" || component == "transformer") return "lora_unet_";
  if (component == "text_encoder_2") return "lora_te2_";
  if (component == "text_encoder_3") return "lora_te3_";
  if (component != "text_encoder") return "lycoris_";
  // Numbered where there are several.
  std::vector<std::string> all = conversion.adapter.components();
  if (!conversion.options.base.empty()) {
    const std::vector<std::string> parts = pipeline_components(conversion.options.base);
    all.insert(all.end(), parts.begin(), parts.end());
  }
  return std::find(all.begin(), all.end(), "text_encoder_2") == all.end() ? "lora_te_"
                                                                          : "lora_te1_";
}

Json paths_as_json(const std::vector<fs::path>& paths) {
  Json list = Json::array();
  for (const fs::path& path : paths) list.push_back(path.string());
  return list;
}

template <typename T>
Json optional_as_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string_view convert_target_name(ConvertTarget target) {
  switch (target) {
    case ConvertTarget::kPeft:
      return "peft";
    case ConvertTarget::kPeftLegacy:
      return "peft-0.15";
    case ConvertTarget::kLycoris:
      return "lycoris";
    case ConvertTarget::kLora:
      return "lora";
    case ConvertTarget::kFull:
      return "full";
  }
  return "unknown";
}

Conversion::Conversion(const AdapterFile& source, fs::path to, const ConvertOptions& wanted)
    : adapter(source), target(std::move(to)), options(wanted) {
  std::vector<fs::path> inputs;
  for (const fs::path& input : {source.path, options.base})
    if (!input.empty()) inputs.push_back(local_model_path(input));
  check_target(target, inputs, options.force);
  if (options.base.empty() && !options.component.empty() && adapter.components().size() > 1)
    adapter = adapter.component(options.component);
  bases = AdapterBases(options.base, options.component, adapter);
  if (adapter.layers.empty())
    throw Error(Status::kInvalidArgument, "the adapter has no layer that could be converted");
  report.from = adapter.maker();
  report.to = options.to;
  report.warnings = adapter.warnings;
  for (const std::string& key : adapter.unused_keys)
    leave_out(key, "its meaning is not known, so it cannot be converted");
}

void Conversion::leave_out(const std::string& name, const std::string& reason) {
  const std::string text = "'" + name + "': " + reason;
  if (!options.force) throw Error(Status::kUnsupported, text + " (use force to go on without)");
  report.left_out.push_back(name);
  report.warnings.push_back(text);
}

const Checkpoint& Conversion::need_base(const AdapterLayer& layer,
                                        const std::string& reason) const {
  const Checkpoint* base = bases.of(layer);
  if (base == nullptr)
    throw Error(Status::kInvalidArgument, "converting to '" +
                                              std::string(convert_target_name(options.to)) +
                                              "' needs the base model, " + reason + "; give it");
  return *base;
}

void Conversion::require_one_model() const {
  const std::vector<std::string> components = adapter.components();
  if (components.size() > 1)
    throw Error(Status::kInvalidArgument,
                "the adapter has layers for several models, and a folder of PEFT is for one; name "
                "the component that is meant: " +
                    quote_some(components));
}

std::vector<Rotation> Conversion::rotations(const AdapterLayer& layer) const {
  return layer_rotations(adapter, layer, bases);
}

ConvertedLayer& Conversion::add_row(const AdapterLayer& layer,
                                    const std::vector<Rotation>& rotations) {
  ConvertedLayer row{.name = layer.name,
                     .component = layer.component,
                     .side = std::string(side_name(layer.side)),
                     .block_size = rotations.front().block_size()};
  for (const Rotation& rotation : rotations) row.blocks += rotation.blocks();
  return report.layers.emplace_back(std::move(row));
}

void write_folder(Conversion& conversion,
                  const std::function<void(const fs::path& folder)>& write) {
  StagingFolder staging(conversion.target);
  write(staging.path());
  for (const auto& item : fs::directory_iterator(staging.path()))
    conversion.report.files.push_back(conversion.target / item.path().filename());
  std::sort(conversion.report.files.begin(), conversion.report.files.end());
  staging.commit(conversion.options.sync);
}

std::string flat_name(const Conversion& conversion, const AdapterLayer& layer) {
  const std::string& component =
      layer.component.empty() ? conversion.options.component : layer.component;
  return prefix_of(conversion, component) + flattened(layer.name);
}

double worst_difference(const Rotation& one, const Rotation& other) {
  const at::Tensor difference = one.matrices(at::kDouble) - other.matrices(at::kDouble);
  return difference.flatten(1).norm(2, {1}).max().item<double>();
}

ConvertReport convert_adapter(const AdapterFile& adapter, const fs::path& target,
                              const ConvertOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  Conversion conversion(adapter, target, options);
  switch (options.to) {
    case ConvertTarget::kPeft:
      convert_to_peft(conversion);
      break;
    case ConvertTarget::kPeftLegacy:
      convert_to_legacy_peft(conversion);
      break;
    case ConvertTarget::kLycoris:
      convert_to_lycoris(conversion);
      break;
    case ConvertTarget::kLora:
      convert_to_lora(conversion);
      break;
    case ConvertTarget::kFull:
      convert_to_full(conversion);
      break;
  }
  ConvertReport& report = conversion.report;
  for (const ConvertedLayer& layer : report.layers)
    report.error = std::max(report.error, layer.error);
  report.exact = options.to != ConvertTarget::kLora && report.error <= kExact;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return std::move(report);
}

std::string ConvertReport::to_json() const {
  Json rows = Json::array();
  for (const ConvertedLayer& layer : layers)
    rows.push_back({{"name", layer.name},
                    {"component", layer.component},
                    {"side", layer.side},
                    {"block_size", layer.block_size},
                    {"blocks", layer.blocks},
                    {"error", layer.error},
                    {"energy_kept", optional_as_json(layer.energy_kept)},
                    {"rank", optional_as_json(layer.rank)}});
  return Json{{"from", from},
              {"to", convert_target_name(to)},
              {"formula", formula ? Json(formula_name(*formula)) : Json(nullptr)},
              {"exact", exact},
              {"layers", rows},
              {"error", error},
              {"energy_kept", optional_as_json(energy_kept)},
              {"left_out", left_out},
              {"files", paths_as_json(files)},
              {"warnings", warnings},
              {"seconds", seconds}}
      .dump();
}

}  // namespace oft
