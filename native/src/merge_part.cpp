#include "merge_part.hpp"

#include <algorithm>
#include <utility>

#include "dtypes.hpp"
#include "files.hpp"
#include "json_text.hpp"
#include "merge_verify.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

/// A plan whose errors say which component is meant.
MergePlan plan_merge(const std::string& component, const Checkpoint& base,
                     std::vector<AdapterFile> adapters, const CheckpointMergeOptions& options) {
  try {
    return MergePlan::make(base, std::move(adapters), options);
  } catch (const Error& error) {
    if (component.empty()) throw;
    throw Error(error.status(), "component '" + component + "': " + error.what());
  }
}

}  // namespace

MergePart::MergePart(AdaptedModel model, const CheckpointMergeOptions& options)
    : component_(std::move(model.component)),
      base_(std::move(model.checkpoint)),
      options_(options),
      plan_(plan_merge(component_, base_, std::move(model.adapters), options)) {}

std::vector<fs::path> MergePart::replaced_files() const {
  std::vector<fs::path> files;
  for (const SafetensorsFile& file : base_.files())
    files.push_back(component_ / file.path().filename());
  if (base_.index_name()) files.push_back(fs::path(component_) / *base_.index_name());
  return files;
}

void MergePart::begin(const fs::path& target, bool makes_folder) {
  target_ = target;
  makes_folder_ = makes_folder;
  if (makes_folder) fs::create_directories(target);
  for (const PlannedFile& file : plan_.files) {
    std::vector<SafetensorsEntry> entries;
    for (const PlannedTensor& tensor : file.tensors) entries.push_back(tensor.target);
    writers_.emplace_back(makes_folder ? target / file.name : target, std::move(entries),
                          file.metadata);
    writers_.back().set_early_writeback(options_.sync);
  }
}

void MergePart::verify() { verify_errors_ = verify_merge(plan_, base_, writers_); }

void MergePart::commit() {
  for (SafetensorsWriter& writer : writers_) writer.commit(options_.sync);
  if (!makes_folder_) return;
  if (plan_.files.size() > 1 || (base_.index_name() && options_.max_shard_size == 0))
    write_text_file(target_ / (base_.stem() + ".safetensors.index.json"), index_text());
  if (options_.dtype && fs::exists(target_ / "config.json"))
    update_model_config(target_ / "config.json");
}

std::string MergePart::index_text() const {
  Json map = Json::object();
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < plan_.files.size(); ++i)
    for (const SafetensorsEntry& entry : writers_[i].entries()) {
      map[entry.name] = plan_.files[i].name;
      size += entry.bytes();
    }
  return dump_like_python(
             with_sorted_keys({{"metadata", {{"total_size", size}}}, {"weight_map", map}})) +
         "\n";
}

/// transformers loads a model in the type that its config names.
void MergePart::update_model_config(const fs::path& path) const {
  Json config = parse_json(read_text_file(path), path.string(), NonFinite::kAccept);
  for (const char* key : {"torch_dtype", "dtype"})
    if (config.is_object() && config.contains(key)) config[key] = torch_name(*options_.dtype);
  write_text_file(path, dump_like_python(config) + "\n");
}

void MergePart::describe(MergeReport& report) const {
  const std::size_t first = report.layers.size();
  report.layers.resize(first + plan_.layers.size());
  for (const PlannedFile& file : plan_.files)
    for (const PlannedTensor& tensor : file.tensors) {
      if (tensor.layer == PlannedTensor::kNoLayer) continue;
      const PlannedLayer& planned = plan_.layers[tensor.layer];
      const at::ScalarType dtype = scalar_type(tensor.target.dtype, planned.name);
      const auto rotations = plan_.rotations(planned, tensor.target.shape);
      MergedLayer& layer = report.layers[first + tensor.layer];
      layer.name = planned.name;
      layer.component = component_;
      layer.kind = layer_kind_name(planned.kind);
      layer.shape = tensor.target.shape;
      layer.dtype = torch_name(dtype);
      layer.block_size = rotations.front().block_size();
      layer.blocks = rotations.front().blocks();
      layer.orthogonality_error = quality_[tensor.layer].orthogonality_error;
      layer.largest_angle = quality_[tensor.layer].largest_angle;
      if (verify_errors_.empty()) continue;
      layer.verify_error = verify_errors_[tensor.layer];
      if (!layer.verify_error) continue;
      const double tolerance = verify_tolerance(dtype, layer.block_size);
      report.verify_tolerance = std::max(report.verify_tolerance, tolerance);
      if (!(*layer.verify_error <= tolerance)) report.verified = false;
    }
  for (const PlannedFile& file : plan_.files) report.files.push_back(file_name(file));
  RotationQuality worst{report.orthogonality_error, report.largest_angle};
  for (const RotationQuality& layer : quality_) worst.include(layer);
  report.orthogonality_error = worst.orthogonality_error;
  report.largest_angle = worst.largest_angle;
  report.replaced.insert(report.replaced.end(), plan_.replaced.begin(), plan_.replaced.end());
  for (const std::string& warning : plan_.warnings)
    report.warnings.push_back((component_.empty() ? "" : component_ + ": ") + warning);
  report.bytes_read += bytes_read();
}

std::string MergePart::file_name(const PlannedFile& file) const {
  return makes_folder_ ? (fs::path(component_) / file.name).string() : target_.filename().string();
}

std::uint64_t MergePart::bytes_read() const {
  std::uint64_t bytes = 0;
  for (const SafetensorsFile& file : base_.files()) bytes += file.file_size();
  for (const AdapterFile& adapter : plan_.adapters)
    for (const AdapterLayer& layer : adapter.layers) bytes += layer.bytes();
  return bytes;
}

}  // namespace oft
