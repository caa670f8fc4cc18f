#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "adapter_parameters.hpp"

namespace oft {

/// An adapter's parameters at a strength other than 1, without what it replaces.
struct ScaledParameters {
  std::vector<std::uint64_t> stamp;  ///< Adapter::stamp of what they were computed from
  std::vector<at::Tensor> values;    ///< copies of what was watched then
  AdapterParameters parameters;
};

/// An adapter as it is at one moment, for work outside the model's mutex.
struct AdapterSnapshot {
  AdapterParameters parameters;      ///< aliases
  double strength = 1;               ///< see OFTModel::set_adapter_strength
  std::vector<std::uint64_t> stamp;  ///< Adapter::stamp
  std::vector<at::Tensor> watched;   ///< Adapter::watched
  /// What was computed last; anew by `at_strength`, where it was of other parameters.
  std::shared_ptr<const ScaledParameters> scaled;

  /// What rotations are computed from. What is replaced has no strength.
  AdapterParameters at_strength();
};

/// Whether tensors are equal to the bit, NaN included.
bool have_same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b);

}  // namespace oft
