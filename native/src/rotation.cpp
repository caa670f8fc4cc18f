#include "oft/rotation.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <complex>
#include <string>

#include "block_inverse.hpp"
#include "butterfly.hpp"
#include "cayley.hpp"
#include "dtypes.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "rotate_blocks.hpp"
#include "rotation_quality.hpp"
#include "text.hpp"

namespace oft {

std::string_view formula_name(Formula formula) {
  switch (formula) {
    case Formula::kCayley:
      return "cayley";
    case Formula::kCayleyNeumann:
      return "cayley_neumann";
    case Formula::kCayleyNeumannLegacy:
      return "cayley_neumann_0.16";
  }
  return "unknown";
}

std::string_view side_name(Side side) { return side == Side::kInput ? "input" : "output"; }

RotationSpec rotation_spec(const OFTConfig& config) {
  RotationSpec spec;
  if (config.use_cayley_neumann)
    spec.formula =
        config.has_legacy_neumann() ? Formula::kCayleyNeumannLegacy : Formula::kCayleyNeumann;
  spec.terms = config.num_cayley_neumann_terms;
  spec.block_share = config.block_share;
  if (config.coft) spec.coft_eps = config.eps;
  return spec;
}

Rotation::Rotation(at::Tensor q, std::int64_t features, RotationSpec spec, at::Tensor row_scale)
    : q_(q.detach()), row_scale_(std::move(row_scale)), spec_(spec), features_(features) {
  if (q_.dim() != 2 || !is_rotatable(q_.scalar_type()))
    throw Error(Status::kInvalidArgument,
                "rotation parameters: shape " + shape_text(q_.sizes()) + " of " +
                    torch_name(q_.scalar_type()) +
                    "; expected [blocks, b(b-1)/2] of a floating-point type");
  block_size_ = block_size_of(q_.size(1));
  if (block_size_ == 0)
    throw Error(Status::kInvalidArgument, "rotation parameters: " + std::to_string(q_.size(1)) +
                                              " per block is not b(b-1)/2 for any block size b");
  const std::int64_t rows = q_.size(0);
  const bool fits = spec_.block_share ? rows == 1 && features_ > 0 && features_ % block_size_ == 0
                                      : rows > 0 && rows * block_size_ == features_;
  if (!fits)
    throw Error(Status::kInvalidArgument,
                "rotation parameters: " + std::to_string(rows) +
                    (rows == 1 ? " block" : " blocks") + " of " + std::to_string(block_size_) +
                    (spec_.block_share ? ", shared, do" : " do") + " not make up " +
                    std::to_string(features_) + " features");
  if (spec_.butterfly < 0 || spec_.first_feature < 0 ||
      (spec_.butterfly > 0 && features_ % (2 * spec_.butterfly) != 0))
    throw Error(Status::kInvalidArgument,
                "rotation parameters: a butterfly of " + std::to_string(spec_.butterfly) +
                    " from feature " + std::to_string(spec_.first_feature) + " does not fit " +
                    std::to_string(features_) + " features");
  if (spec_.side == Side::kInput && (spec_.butterfly != 0 || spec_.first_feature != 0))
    throw Error(
        Status::kUnsupported,
        "rotation parameters: only rotations of the output side can be butterflies or leave "
        "features alone");
}

at::Tensor Rotation::skew(at::ScalarType dtype) const {
  const at::Tensor q = q_.to(dtype);
  return skew_from_upper(spec_.coft_eps ? project_coft(q, *spec_.coft_eps) : q, block_size_);
}

at::Tensor Rotation::matrices(at::ScalarType dtype) const {
  const at::Tensor q = q_.to(dtype);
  return cayley(spec_.coft_eps ? project_coft(q, *spec_.coft_eps) : q, block_size_, spec_);
}

at::Tensor Rotation::inverse(at::ScalarType dtype) const {
  const at::Tensor r = matrices(dtype);
  if (is_orthogonal()) return r.transpose(1, 2).contiguous();
  return invert_blocks(r.to(at::kDouble)).to(dtype);
}

double Rotation::orthogonality_error(at::ScalarType dtype) const {
  return worst_orthogonality(matrices(dtype));
}

at::Tensor Rotation::angles() const {
  const std::int64_t planes = block_size_ / 2;
  if (planes == 0) return at::zeros({q_.size(0), 0}, q_.options().dtype(at::kDouble));
  // The singular values of a skew-symmetric matrix come in pairs, one pair a plane.
  const at::Tensor theta =
      at::linalg_svdvals(skew(at::kDouble))
          .index_select(1, at::arange(0, 2 * planes, 2, at::kLong).to(q_.device()))
          .cpu()
          .contiguous();
  at::Tensor angles = at::empty_like(theta);
  const double* in = theta.const_data_ptr<double>();
  double* out = angles.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < theta.numel(); ++i) out[i] = std::abs(std::arg(turn(in[i], spec_)));
  return angles;
}

double Rotation::largest_angle() const {
  const double theta = largest_singular_value(
      spec_.coft_eps ? project_coft(q_.to(at::kDouble), *spec_.coft_eps) : q_, block_size_);
  return std::abs(std::arg(turn(theta, spec_)));
}

std::string Rotation::to_json() const {
  Json description{{"formula", formula_name(spec_.formula)},
                   {"terms", spec_.terms},
                   {"features", features_},
                   {"block_size", block_size_},
                   {"blocks", blocks()},
                   {"block_share", spec_.block_share},
                   {"side", side_name(spec_.side)},
                   {"first_feature", spec_.first_feature},
                   {"butterfly", spec_.butterfly}};
  description["coft_eps"] = spec_.coft_eps ? Json(*spec_.coft_eps) : Json(nullptr);
  return description.dump();
}

at::Tensor Rotation::apply(const at::Tensor& x) const {
  if (x.dim() == 0 || x.size(-1) != features_)
    throw Error(Status::kInvalidArgument, "input of shape " + shape_text(x.sizes()) +
                                              ": its last dimension must be the rotation's " +
                                              std::to_string(features_) + " features");
  if (!is_rotatable(x.scalar_type()))
    throw Error(Status::kInvalidArgument, "input of " + torch_name(x.scalar_type()) +
                                              " cannot be rotated; convert it to "
                                              "float16, bfloat16, float32 or float64");
  const at::ScalarType compute = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor r = matrices(compute);
  if (spec_.side == Side::kInput) return rotate_blocks(x, r);
  const at::Tensor transposed = r.transpose(1, 2).contiguous();
  if (spec_.butterfly == 0) return rotate_blocks(x, transposed);
  return from_butterfly(rotate_blocks(to_butterfly(x, -1, spec_.butterfly), transposed), -1,
                        spec_.butterfly);
}

}  // namespace oft
