#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace oft::bench {

/// Throws Failure naming both sides where two results differ by more than `roundings` of the
/// largest value, in the coarser of their types.
void require_agreement(const std::string& ours, const at::Tensor& a, const std::string& theirs,
                       const at::Tensor& b, double roundings);

}  // namespace oft::bench
