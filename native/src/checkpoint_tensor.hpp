#pragma once

#include <ATen/core/Tensor.h>

#include "oft/checkpoint.hpp"

namespace oft {

/// A whole tensor of a checkpoint, in memory of its own. Throws Error(kUnsupported) for a type that
/// libtorch does not have, Error(kIo).
at::Tensor read_tensor(const Checkpoint& checkpoint, const Checkpoint::Location& location);

}  // namespace oft
