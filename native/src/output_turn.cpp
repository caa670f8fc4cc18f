#include "output_turn.hpp"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include "butterfly.hpp"
#include "oft/functional.hpp"
#include "rotate_blocks.hpp"

namespace oft {
namespace {

/// R X.
at::Tensor rotate_rows_by(const at::Tensor& blocks, const at::Tensor& rows) {
  const bool records =
      at::GradMode::is_enabled() && (rows.requires_grad() || blocks.requires_grad());
  if (!records) return rotate_blocks_left(rows, blocks);
  return functional::rotate(rows.t(), blocks.transpose(1, 2)).t();
}

at::Tensor rotate_part(const OutputTurn& turn, const at::Tensor& part) {
  if (turn.butterfly == 0) return rotate_rows_by(turn.blocks, part);
  return from_butterfly(rotate_rows_by(turn.blocks, to_butterfly(part, 0, turn.butterfly)), 0,
                        turn.butterfly);
}

}  // namespace

at::Tensor turn_outputs(const at::Tensor& rows, const std::vector<OutputTurn>& turns) {
  at::Tensor value = rows;
  bool owned =
      false;  // a part of the rows can be written over once they are no longer the caller's
  for (const OutputTurn& turn : turns) {
    if (turn.scale.defined()) {
      value = value * turn.scale.to(value.scalar_type()).unsqueeze(1);
    } else if (turn.features == value.size(0)) {
      value = rotate_part(turn, value);
    } else {
      if (!owned) value = value.clone();
      const at::Tensor part = value.narrow(0, turn.first_feature, turn.features);
      part.copy_(rotate_part(turn, part));
    }
    owned = true;
  }
  return value;
}

}  // namespace oft
