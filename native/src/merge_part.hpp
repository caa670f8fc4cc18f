#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "merge_plan.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/safetensors.hpp"
#include "pipeline.hpp"
#include "tensor_job.hpp"

namespace oft {

/// One model on its way from the base to the target: the only one, or a component of a pipeline.
class MergePart {
 public:
  /// Plans the merge. Errors name the component.
  MergePart(AdaptedModel model, const CheckpointMergeOptions& options);
  MergePart(const MergePart&) = delete;
  MergePart& operator=(const MergePart&) = delete;

  /// Folder below the base's and the target's; empty where the base is no pipeline.
  const std::string& component() const { return component_; }
  const Checkpoint& base() const { return base_; }
  const MergePlan& plan() const { return plan_; }

  /// The files of the base, its index among them, that the merge writes anew; relative to the
  /// folder of the pipeline.
  std::vector<std::filesystem::path> replaced_files() const;

  /// Begins the planned files: in a folder, which is made, or the only one at `target`.
  void begin(const std::filesystem::path& target, bool makes_folder);
  std::vector<SafetensorsWriter>& writers() { return writers_; }

  /// @param quality by MergePlan::layers
  void set_quality(std::vector<RotationQuality> quality) { quality_ = std::move(quality); }

  /// Compares a sample of what is written with float64.
  void verify();

  /// Lets the files take their places, and writes what belongs to them: the index of the shards,
  /// the type in `config.json`.
  void commit();

  /// Adds what became of the model; takes `verified` away where a layer is off.
  void describe(MergeReport& report) const;

 private:
  std::string file_name(const PlannedFile& file) const;
  std::uint64_t bytes_read() const;
  std::string index_text() const;
  void update_model_config(const std::filesystem::path& path) const;

  std::string component_;
  Checkpoint base_;
  const CheckpointMergeOptions& options_;
  MergePlan plan_;
  std::filesystem::path target_;  // a folder, or a file
  bool makes_folder_ = false;
  std::vector<SafetensorsWriter> writers_;
  std::vector<RotationQuality> quality_;
  std::vector<std::optional<double>> verify_errors_;  // empty where verification has not run
};

}  // namespace oft
