#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "conversion.hpp"
#include "oft/targets.hpp"

namespace oft {

/// What an adapter makes of one weight.
struct WeightChange {
  LayerKind kind;
  at::Tensor weight;  ///< of the base
  at::Tensor change;  ///< W' - W in float64
};

/// The base that a layer's weight is in. Throws Error(kInvalidArgument) where none is given.
const Checkpoint& base_of_change(const Conversion& conversion, const AdapterLayer& layer);

/// The change of a layer's weight; nothing where the base has none, which is complained of.
/// Throws Error(kInvalidArgument) where it is not finite.
std::optional<WeightChange> weight_change(Conversion& conversion, const AdapterLayer& layer);

}  // namespace oft
