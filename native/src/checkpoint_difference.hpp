#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "oft/checkpoint.hpp"

namespace oft {

/// Where two checkpoints differ, each list sorted.
struct CheckpointDifference {
  std::vector<std::string> changed;  ///< tensors whose values differ, or whose shapes do
  std::vector<std::string> equal;
  std::vector<std::string> missing;  ///< of the first only
  std::vector<std::string> added;    ///< of the second only
};

/// Compares all tensors, a piece of a tensor in memory at a time. Values of different types are
/// equal where those of the wider one round to those of the other. `progress` is told the bytes of
/// the first that are done.
CheckpointDifference compare_checkpoints(const Checkpoint& base, const Checkpoint& tuned,
                                         const std::function<void(std::uint64_t)>& progress);

}  // namespace oft
