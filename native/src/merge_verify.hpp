#pragma once

#include <optional>
#include <vector>

#include "merge_plan.hpp"
#include "oft/safetensors.hpp"

namespace oft {

/// The largest relative error that rounding to `dtype` once, after float32 (for float64: float64)
/// sums of `block_size` terms, explains.
double verify_tolerance(at::ScalarType dtype, std::int64_t block_size);

/// Reads written pieces of a sample of the layers back and compares them with the rotation of the
/// base weight in float64 by libtorch's operators. One result per layer of the plan:
/// max |written - exact| / max |exact|, empty for layers outside the sample.
std::vector<std::optional<double>> verify_merge(const MergePlan& plan, const Checkpoint& base,
                                                const std::vector<SafetensorsWriter>& writers);

}  // namespace oft
