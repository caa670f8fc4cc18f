#include "oft/rotation.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_inv_ex.h>
#include <ATen/ops/linalg_matrix_norm.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/triu_indices.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>

#include "cayley.hpp"
#include "dtypes.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "rotate_blocks.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// What the formula makes of the eigenvalue i*theta of Q.
std::complex<double> turn(double theta, const RotationSpec& spec) {
  using namespace std::complex_literals;
  const std::complex<double> q = 1i * theta;
  if (spec.formula == Formula::kCayley) return (1.0 - q) / (1.0 + q);
  std::complex<double> sum = 0;
  std::complex<double> power = 1;
  for (const double coefficient : neumann_coefficients(spec)) {
    sum += coefficient * power;
    power *= q;
  }
  return sum;
}

}  // namespace

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

at::Tensor skew_from_upper(const at::Tensor& q, std::int64_t block_size) {
  const at::Tensor index =
      at::triu_indices(block_size, block_size, 1, q.options().dtype(at::kLong));
  at::Tensor skew = at::zeros({q.size(0), block_size, block_size}, q.options());
  const at::Tensor position = index[0] * block_size + index[1];
  skew.flatten(1).index_copy_(1, position, q);
  return skew - skew.transpose(1, 2);
}

std::int64_t block_size_of(std::int64_t parameters) {
  const auto b = static_cast<std::int64_t>(
      std::llround((1.0 + std::sqrt(1.0 + 8.0 * static_cast<double>(parameters))) / 2.0));
  return b * (b - 1) / 2 == parameters ? b : 0;
}

at::Tensor upper_from_skew(const at::Tensor& skew) {
  const std::int64_t b = skew.size(-1);
  const at::Tensor index = at::triu_indices(b, b, 1, skew.options().dtype(at::kLong));
  return skew.flatten(1).index_select(1, index[0] * b + index[1]);
}

at::Tensor project_coft(const at::Tensor& q, double eps) {
  // PEFT holds the limit in float32 whatever the parameter's type, as 1/sqrt(rows) times eps.
  const float limit = (1.0f / std::sqrt(static_cast<float>(q.size(0)))) * static_cast<float>(eps);
  const at::Tensor norm = q.norm(2, {1}, /*keepdim=*/true) * std::sqrt(2.0);
  return at::where(norm <= static_cast<double>(limit), q, q / norm * static_cast<double>(limit));
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
  const auto [inverse, info] = at::linalg_inv_ex(r.to(at::kDouble));
  const at::Tensor bad = (info != 0).logical_or(inverse.isfinite().logical_not().flatten(1).any(1));
  if (bad.any().item<bool>())
    throw Error(Status::kInvalidArgument,
                "rotation block " + std::to_string(bad.nonzero()[0].item<std::int64_t>()) +
                    " is singular, so the merge cannot be undone; restore the base weight from a "
                    "copy");
  return inverse.to(dtype);
}

double Rotation::orthogonality_error(at::ScalarType dtype) const {
  const at::Tensor r = matrices(dtype).to(at::kDouble);
  const at::Tensor identity = at::eye(block_size_, r.options());
  return at::linalg_matrix_norm(r.transpose(1, 2).matmul(r) - identity, "fro").max().item<double>();
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
  if (block_size_ < 2) return 0;
  // Of Q^T Q only the largest eigenvalue matters, which loses nothing by the square.
  const at::Tensor q = skew(at::kDouble);
  const at::Tensor product = q.transpose(1, 2).matmul(q);
  if (!product.isfinite().all().item<bool>()) return std::numeric_limits<double>::quiet_NaN();
  const double square = at::linalg_eigvalsh(product).max().item<double>();
  return std::abs(std::arg(turn(std::sqrt(std::max(square, 0.0)), spec_)));
}

std::string Rotation::to_json() const {
  Json description{{"formula", formula_name(spec_.formula)},
                   {"terms", spec_.terms},
                   {"features", features_},
                   {"block_size", block_size_},
                   {"blocks", blocks()},
                   {"block_share", spec_.block_share}};
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
  return rotate_blocks(x, matrices(compute));
}

}  // namespace oft
