#pragma once

#include <vector>

#include "adapter_parameters.hpp"
#include "model_tree.hpp"
#include "oft/module_tree.hpp"

namespace oft {

/// What an instance needs to run with adapters, applied in this order. Gradients flow to parameters
/// that require them. `training`: `module_dropout` is at work, and the parameters lie within their
/// COFT radius already. `by_weight`: all layers have rotated weights, whatever their placement.
Assignments make_assignments(const PreparedTree& tree,
                             const std::vector<AdapterParameters>& adapters, bool training,
                             bool by_weight);

}  // namespace oft
