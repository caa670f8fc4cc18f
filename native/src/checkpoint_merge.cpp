#include "oft/checkpoint_merge.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "hub_cache.hpp"
#include "merge_part.hpp"
#include "merge_run.hpp"
#include "merge_target.hpp"
#include "oft/error.hpp"
#include "pipeline.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

/// One run of the job: what it reads, where it writes.
class MergeJob {
 public:
  MergeJob(const fs::path& base, const fs::path& target, std::vector<RequestedAdapter> adapters,
           const CheckpointMergeOptions& options)
      : root_(base), target_(target), options_(options) {
    for (AdaptedModel& model : assign_adapters(base, std::move(adapters)))
      parts_.emplace_back(std::move(model), options);
    makes_folder_ = fs::is_directory(root_) || options_.max_shard_size != 0;
    check_target_kind();
  }

  MergeReport run(const ProgressFunction& progress) {
    MergeReport report;
    if (makes_folder_) staging_.emplace(target_);
    for (MergePart& part : parts_)
      part.begin(makes_folder_ ? part_of(staging_->path(), part.component()) : target_,
                 makes_folder_);
    std::vector<std::string> left_behind;
    const std::vector<CompanionFile> companions = find_companions(left_behind);
    report.bytes_written = run_merge(parts_, companions, options_, progress);

    report.verified = options_.verify;
    for (MergePart& part : parts_) {
      if (options_.verify) part.verify();
      part.describe(report);
    }
    if (!left_behind.empty())
      report.warnings.push_back("left behind, because they hold weights that are not merged: " +
                                quote_some(left_behind));
    if (!options_.verify || report.verified) commit();
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

  std::vector<CompanionFile> find_companions(std::vector<std::string>& left_behind) const {
    std::vector<CompanionFile> companions;
    if (!fs::is_directory(root_)) return companions;
    std::vector<fs::path> merged;
    std::vector<fs::path> replaced;
    for (const MergePart& part : parts_) {
      merged.emplace_back(part.component());
      for (fs::path& file : part.replaced_files()) replaced.push_back(std::move(file));
    }
    for (const fs::path& file : companion_files(root_, merged, replaced, left_behind)) {
      fs::create_directories((staging_->path() / file).parent_path());
      companions.push_back({root_ / file, staging_->path() / file});
    }
    return companions;
  }

  void commit() {
    for (MergePart& part : parts_) part.commit();
    if (staging_) staging_->commit(options_.sync);
  }

  fs::path root_;
  fs::path target_;
  const CheckpointMergeOptions& options_;
  bool makes_folder_ = false;
  std::optional<StagingFolder> staging_;
  std::deque<MergePart> parts_;  // after staging_: unfinished files go before their folder does
};

}  // namespace

CheckpointMerge::CheckpointMerge(fs::path base) : base_(std::move(base)) {}

CheckpointMerge& CheckpointMerge::adapter(fs::path path, std::string component) {
  adapters_.push_back({std::move(path), std::move(component)});
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
  const fs::path base = local_model_path(base_);
  std::vector<fs::path> inputs{base};
  for (const Adapter& adapter : adapters_) inputs.push_back(local_model_path(adapter.path));
  check_target(target, inputs, options_.force);
  std::vector<RequestedAdapter> requests;
  for (std::size_t i = 0; i < adapters_.size(); ++i)
    requests.push_back({AdapterFile::load(inputs[i + 1]), adapters_[i].component});

  MergeReport report = MergeJob(base, target, std::move(requests), options_).run(progress_);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace oft
