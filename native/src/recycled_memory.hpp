#pragma once

#include <ATen/core/Tensor.h>

namespace oft {

/// A contiguous CPU tensor, not initialised, whose memory was that of one before it where there is
/// one that fits. For results that soon end, such as rotated inputs: large blocks of memory come
/// from the system and go back to it, which costs as much as half a rotation of them.
at::Tensor empty_recycled(at::IntArrayRef sizes, at::ScalarType dtype);

}  // namespace oft
