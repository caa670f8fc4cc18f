#pragma once

#include <vector>

#include "merge_plan.hpp"
#include "oft/checkpoint_merge.hpp"
#include "tensor_job.hpp"

namespace oft {

/// A file that goes along with the weights as it is.
struct CompanionFile {
  std::filesystem::path source;
  std::filesystem::path target;
};

/// Where a merge puts what it makes.
struct MergeOutput {
  std::vector<SafetensorsWriter> writers;  ///< one for each planned file
  std::vector<CompanionFile> companions;
};

struct MergeTotals {
  std::uint64_t bytes_written = 0;
  std::vector<RotationQuality> layers;  ///< by MergePlan::layers
};

/// Fills the writers (without committing them) and copies the companions. Pieces of about
/// a megabyte go to `options.threads` threads, each of which reads, rotates and writes on its own,
/// so that the three overlap; the caller's is one of them and reports progress in between.
/// Throws Error(kIo, kInvalidArgument, kCancelled).
MergeTotals run_merge(const MergePlan& plan, const Checkpoint& base, MergeOutput& output,
                      const CheckpointMergeOptions& options, const ProgressFunction& progress);

}  // namespace oft
