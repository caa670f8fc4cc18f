#pragma once

#include <string>

#include "oft/model.hpp"

namespace oft {

/// A parameter and its gradient, by a name of `named_trainable_parameters` or of
/// `layer_parameters`. Throws Error(kNotFound) with the nearest names.
OFTModel::LayerParameter find_parameter(const OFTModel& model, const std::string& name);

}  // namespace oft
