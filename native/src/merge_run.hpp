#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <vector>

#include "merge_part.hpp"
#include "oft/checkpoint_merge.hpp"

namespace oft {

/// A file that goes along with the weights as it is.
struct CompanionFile {
  std::filesystem::path source;
  std::filesystem::path target;
};

/// Fills the writers of all parts (without committing them), sets their quality and copies the
/// companions. Pieces of about a megabyte go to `options.threads` threads, each of which reads,
/// rotates and writes on its own, so that the three overlap; the caller's is one of them and
/// reports progress over everything in between. Returns the number of bytes written.
/// Throws Error(kIo, kInvalidArgument, kCancelled).
std::uint64_t run_merge(std::deque<MergePart>& parts, const std::vector<CompanionFile>& companions,
                        const CheckpointMergeOptions& options, const ProgressFunction& progress);

}  // namespace oft
