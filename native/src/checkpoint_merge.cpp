#include "oft/checkpoint_merge.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "dtypes.hpp"
#include "files.hpp"
#include "json_text.hpp"
#include "merge_plan.hpp"
#include "merge_run.hpp"
#include "merge_target.hpp"
#include "merge_verify.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "pipeline.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

/// One run of the job: what it reads, where it writes.
class MergeJob {
 public:
  MergeJob(const fs::path& base, const fs::path& target, std::vector<AdapterFile> adapters,
           const CheckpointMergeOptions& options)
      : root_(base),
        component_(choose_component(base, adapters)),
        base_(Checkpoint::open(part_of(base, component_))),
        target_(target),
        options_(options),
        plan_(MergePlan::make(base_, std::move(adapters), options)) {
    makes_folder_ = fs::is_directory(root_) || options_.max_shard_size != 0;
    check_target_kind();
  }

  MergeReport run(const ProgressFunction& progress) {
    if (makes_folder_) staging_.emplace(target_);
    const fs::path folder = makes_folder_ ? part_of(staging_->path(), component_) : fs::path();
    if (makes_folder_) fs::create_directories(folder);
    for (const PlannedFile& file : plan_.files) {
      std::vector<SafetensorsEntry> entries;
      for (const PlannedTensor& tensor : file.tensors) entries.push_back(tensor.target);
      output_.writers.emplace_back(makes_folder_ ? folder / file.name : target_, std::move(entries),
                                   file.metadata);
      output_.writers.back().set_early_writeback(options_.sync);
    }
    if (fs::is_directory(root_)) add_companions();

    MergeReport report;
    const MergeTotals totals = run_merge(plan_, base_, output_, options_, progress);
    report.bytes_written = totals.bytes_written;
    report.bytes_read = bytes_read();
    describe_layers(report, totals.layers);
    if (options_.verify) verify(report);
    if (!options_.verify || report.verified) commit(folder);
    for (const PlannedFile& file : plan_.files)
      report.files.push_back(makes_folder_ ? (component_ / file.name).string()
                                           : target_.filename().string());
    report.replaced = plan_.replaced;
    report.warnings = plan_.warnings;
    return report;
  }

 private:
  void check_target_kind() const {
    if (makes_folder_ && target_.extension() == ".safetensors")
      throw Error(Status::kInvalidArgument,
                  target_.string() + ": the result is a folder, since " +
                      (fs::is_directory(root_) ? "the base is one" : "it is cut into shards") +
                      "; give a name that does not look like a file's");
    if (!makes_folder_ && fs::is_directory(target_))
      throw Error(Status::kInvalidArgument, target_.string() +
                                                ": is a folder, but the base is a file; "
                                                "give the name of the .safetensors file to write");
  }

  void add_companions() {
    std::vector<fs::path> weights;
    for (const SafetensorsFile& file : base_.files())
      weights.push_back(component_ / file.path().filename());
    if (base_.index_name()) weights.push_back(component_ / *base_.index_name());
    std::vector<std::string> left_behind;
    for (const fs::path& file : companion_files(root_, component_, weights, left_behind)) {
      fs::create_directories((staging_->path() / file).parent_path());
      output_.companions.push_back({root_ / file, staging_->path() / file});
    }
    if (!left_behind.empty())
      plan_.warnings.push_back("left behind, because they hold weights that are not merged: " +
                               quote_some(left_behind));
  }

  std::uint64_t bytes_read() const {
    std::uint64_t bytes = 0;
    for (const SafetensorsFile& file : base_.files()) bytes += file.file_size();
    for (const AdapterFile& adapter : plan_.adapters)
      for (const AdapterLayer& layer : adapter.layers) bytes += layer.bytes();
    return bytes;
  }

  void describe_layers(MergeReport& report, const std::vector<RotationQuality>& quality) const {
    RotationQuality worst;
    for (const RotationQuality& layer : quality) worst.include(layer);
    report.orthogonality_error = worst.orthogonality_error;
    report.largest_angle = worst.largest_angle;
    report.layers.resize(plan_.layers.size());
    for (const PlannedFile& file : plan_.files)
      for (const PlannedTensor& tensor : file.tensors) {
        if (tensor.layer == PlannedTensor::kNoLayer) continue;
        const PlannedLayer& planned = plan_.layers[tensor.layer];
        MergedLayer& layer = report.layers[tensor.layer];
        layer.name = planned.name;
        layer.kind = layer_kind_name(planned.kind);
        layer.shape = tensor.target.shape;
        layer.dtype = torch_name(scalar_type(tensor.target.dtype, planned.name));
        const auto rotations = plan_.rotations(planned, tensor.target.shape);
        layer.block_size = rotations.front().block_size();
        layer.blocks = rotations.front().blocks();
        layer.orthogonality_error = quality[tensor.layer].orthogonality_error;
        layer.largest_angle = quality[tensor.layer].largest_angle;
      }
  }

  void verify(MergeReport& report) const {
    const auto errors = verify_merge(plan_, base_, output_.writers);
    report.verified = true;
    for (std::size_t i = 0; i < errors.size(); ++i) {
      MergedLayer& layer = report.layers[i];
      layer.verify_error = errors[i];
      if (!errors[i]) continue;
      const double tolerance = verify_tolerance(*floating_type(layer.dtype), layer.block_size);
      report.verify_tolerance = std::max(report.verify_tolerance, tolerance);
      if (!(*errors[i] <= tolerance)) report.verified = false;
    }
  }

  void commit(const fs::path& folder) {
    for (SafetensorsWriter& writer : output_.writers) writer.commit(options_.sync);
    if (!makes_folder_) return;
    if (plan_.files.size() > 1 || (base_.index_name() && options_.max_shard_size == 0))
      write_text_file(folder / (base_.stem() + ".safetensors.index.json"), index_text());
    if (options_.dtype && fs::exists(folder / "config.json"))
      update_model_config(folder / "config.json");
    staging_->commit(options_.sync);
  }

  std::string index_text() const {
    Json map = Json::object();
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < plan_.files.size(); ++i)
      for (const SafetensorsEntry& entry : output_.writers[i].entries()) {
        map[entry.name] = plan_.files[i].name;
        size += entry.bytes();
      }
    return dump_like_python(
               with_sorted_keys({{"metadata", {{"total_size", size}}}, {"weight_map", map}})) +
           "\n";
  }

  /// transformers loads a model in the type that its config names.
  void update_model_config(const fs::path& path) const {
    Json config = parse_json(read_text_file(path), path.string(), NonFinite::kAccept);
    for (const char* key : {"torch_dtype", "dtype"})
      if (config.is_object() && config.contains(key)) config[key] = torch_name(*options_.dtype);
    write_text_file(path, dump_like_python(config) + "\n");
  }

  fs::path root_;
  fs::path component_;  // of a pipeline; empty elsewhere
  Checkpoint base_;
  fs::path target_;
  const CheckpointMergeOptions& options_;
  MergePlan plan_;
  bool makes_folder_ = false;
  std::optional<StagingFolder> staging_;
  MergeOutput output_;  // after staging_: unfinished files go before their folder does
};

}  // namespace

CheckpointMerge::CheckpointMerge(fs::path base) : base_(std::move(base)) {}

CheckpointMerge& CheckpointMerge::adapter(fs::path folder) {
  adapters_.push_back(std::move(folder));
  return *this;
}

CheckpointMerge& CheckpointMerge::options(CheckpointMergeOptions options) {
  options_ = options;
  return *this;
}

CheckpointMerge& CheckpointMerge::progress(ProgressFunction progress) {
  progress_ = std::move(progress);
  return *this;
}

MergeReport CheckpointMerge::write_to(const fs::path& target) const {
  const auto start = std::chrono::steady_clock::now();
  if (adapters_.empty())
    throw Error(Status::kInvalidState, "no adapter to merge; add one before the merge is run");
  if (!fs::exists(base_))
    throw Error(Status::kNotFound, base_.string() + ": no such file or folder");
  std::vector<fs::path> inputs{base_};
  inputs.insert(inputs.end(), adapters_.begin(), adapters_.end());
  check_target(target, inputs, options_.force);
  std::vector<AdapterFile> adapters;
  for (const fs::path& folder : adapters_) adapters.push_back(AdapterFile::load(folder));

  MergeReport report = MergeJob(base_, target, std::move(adapters), options_).run(progress_);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

std::string MergeReport::to_json() const {
  Json rows = Json::array();
  for (const MergedLayer& layer : layers) {
    Json row{{"name", layer.name},
             {"kind", layer.kind},
             {"shape", layer.shape},
             {"dtype", layer.dtype},
             {"block_size", layer.block_size},
             {"blocks", layer.blocks},
             {"orthogonality_error", layer.orthogonality_error},
             {"largest_angle", layer.largest_angle}};
    row["verify_error"] = layer.verify_error ? Json(*layer.verify_error) : Json(nullptr);
    rows.push_back(std::move(row));
  }
  return Json{{"layers", rows},
              {"orthogonality_error", orthogonality_error},
              {"largest_angle", largest_angle},
              {"replaced", replaced},
              {"warnings", warnings},
              {"files", files},
              {"bytes_read", bytes_read},
              {"bytes_written", bytes_written},
              {"seconds", seconds},
              {"verified", verified},
              {"verify_tolerance", verify_tolerance}}
      .dump();
}

}  // namespace oft
