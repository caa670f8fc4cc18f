#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace oft {

/// What an adapter does to the outputs of a layer, the rows of its weight as a matrix.
struct OutputTurn {
  at::Tensor blocks{};             ///< R [features / b or 1, b, b]; undefined where `scale` is not
  std::int64_t first_feature = 0;  ///< as in RotationSpec
  std::int64_t features = 0;
  std::int64_t butterfly = 0;  ///< as in RotationSpec
  at::Tensor scale{};          ///< factors [rows]
};

/// The rows after all turns, applied in this order. Gradients flow to the rows and to the blocks.
/// `rows`: float32 or float64 as the blocks are; it is not changed.
at::Tensor turn_outputs(const at::Tensor& rows, const std::vector<OutputTurn>& turns);

}  // namespace oft
