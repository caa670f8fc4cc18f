#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>

#include "oft/error.hpp"
#include "oft/rotation.hpp"
#include "rotation_log.hpp"
#include "text.hpp"

namespace oft {

Rotation Rotation::power(double exponent) const {
  if (!std::isfinite(exponent))
    throw Error(Status::kInvalidArgument,
                "exponent " + number_text(exponent) + " of a rotation: it must be finite");
  RotationSpec spec = spec_;
  spec.formula = Formula::kCayley;
  spec.coft_eps.reset();
  const at::ScalarType dtype = q_.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const bool is_same = exponent == 1 && is_orthogonal() && !spec_.coft_eps;
  at::Tensor q;
  if (is_same)
    q = q_.to(dtype);
  else if (exponent == 0 || q_.numel() == 0)
    q = at::zeros_like(q_, dtype);
  else
    q = cayley_of_power(*this, exponent).to(dtype);
  at::Tensor scale =
      row_scale_.defined() && exponent != 1 ? (row_scale_ - 1) * exponent + 1 : row_scale_;
  return Rotation(std::move(q), features_, spec, std::move(scale));
}

}  // namespace oft
