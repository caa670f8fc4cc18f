#pragma once

#include <vector>

#include "merge_plan.hpp"
#include "oft/checkpoint_merge.hpp"

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

/// Fills the writers (without committing them) and copies the companions. Pieces of a few hundred
/// kilobytes go to `options.threads` workers, each of which reads, rotates and writes on its own,
/// so that the three overlap. Returns the bytes written. Throws Error(kIo, kInvalidArgument,
/// kCancelled).
std::uint64_t run_merge(const MergePlan& plan, const Checkpoint& base, MergeOutput& output,
                        const CheckpointMergeOptions& options, const ProgressFunction& progress);

}  // namespace oft
