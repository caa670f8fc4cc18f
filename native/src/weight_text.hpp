#pragma once

#include <ATen/core/ATen_fwd.h>
#include <c10/util/ArrayRef.h>

#include <string>

#include "oft/targets.hpp"
#include "text.hpp"

namespace oft {

/// "Linear weight of shape [4, 8]", for messages.
inline std::string weight_text(LayerKind kind, at::IntArrayRef shape) {
  return std::string(layer_kind_name(kind)) + " weight of shape " + shape_text(shape);
}

}  // namespace oft
