#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "oft/config.hpp"
#include "oft/export.hpp"

namespace oft {

/// How a block R follows from its skew-symmetric Q. The first two turn opposite ways for the same
/// Q: a file's formula is part of its meaning.
enum class Formula {
  kCayley,               ///< R = (I - Q)(I + Q)^-1, orthogonal to rounding
  kCayleyNeumann,        ///< PEFT >= 0.18: I + 2Q + ... + 2Q^(n-2) + Q^(n-1)
  kCayleyNeumannLegacy,  ///< PEFT 0.16-0.17: I + 2Q + ... + 2Q^(n-1)
};

OFT_EXPORT std::string_view formula_name(Formula formula);

/// Which dimension of a Linear's weight [out, in] a rotation turns.
enum class Side {
  kInput,   ///< y = (x R) W^T, so W' = W R^T: PEFT, OneTrainer
  kOutput,  ///< y = (x W^T) R^T, so W' = R W; a bias is not turned: LyCORIS, kohya
};

/// "input" or "output".
OFT_EXPORT std::string_view side_name(Side side);

/// What a rotation is besides its parameters.
struct RotationSpec {
  Formula formula = Formula::kCayley;
  std::int64_t terms = 5;  ///< n of the Neumann series; ignored by the exact formula
  bool block_share = false;
  /// COFT: each block's ||Q||_F is held within coft_eps / sqrt(rows of q), as PEFT does before use.
  std::optional<double> coft_eps = std::nullopt;
  Side side = Side::kInput;
  /// Where the rotated features start on their side; those before and after are left alone, as
  /// where one layer is fused from several. Only the output side may leave some.
  std::int64_t first_feature = 0;
  /// 0, or the distance k of a butterfly (BOFT): features lie as [.., 2, k] and meet their blocks
  /// as [.., k, 2]. Output side only.
  std::int64_t butterfly = 0;
};

/// What a config says of its rotations.
OFT_EXPORT RotationSpec rotation_spec(const OFTConfig& config);

/// A block-diagonal rotation of `features` dimensions, the one thing that every OFT adapter is.
///
/// q is [blocks, b(b-1)/2] ([1, b(b-1)/2] where one block is shared): the elements above the
/// diagonal of each Q, row by row. `Side` says what becomes of a weight. `row_scale` (PEFT
/// 0.14-0.15: `oft_s`; LyCORIS: `rescale`) multiplies the rows of W' afterwards.
/// Immutable, safe to share between threads.
class OFT_EXPORT Rotation {
 public:
  /// Throws Error(kInvalidArgument) where q's shape does not fit `features` or is not floating
  /// point, or where a butterfly does not divide the features.
  Rotation(at::Tensor q, std::int64_t features, RotationSpec spec, at::Tensor row_scale = {});

  const at::Tensor& q() const { return q_; }
  const RotationSpec& spec() const { return spec_; }
  const at::Tensor& row_scale() const { return row_scale_; }  ///< undefined where there is none
  std::int64_t features() const { return features_; }
  std::int64_t block_size() const { return block_size_; }
  std::int64_t blocks() const { return features_ / block_size_; }
  /// True where R R^T = I holds by construction, not just nearly.
  bool is_orthogonal() const { return spec_.formula == Formula::kCayley; }

  /// Q after the COFT projection, [rows, b, b]. `dtype` is kFloat or kDouble.
  at::Tensor skew(at::ScalarType dtype) const;

  /// R, [rows, b, b] with rows = 1 where the block is shared; computed in `dtype`.
  at::Tensor matrices(at::ScalarType dtype) const;

  /// R^-1, [rows, b, b]: the transpose for the exact formula, else a solve in float64.
  /// Throws Error(kInvalidArgument) naming the block where R is singular.
  at::Tensor inverse(at::ScalarType dtype) const;

  /// The largest ||R^T R - I||_F of a block, of R as computed in `dtype`.
  double orthogonality_error(at::ScalarType dtype = at::kFloat) const;

  /// The angles by which each block turns its planes, in radians, [rows, floor(b/2)], descending.
  /// From the eigenvalues +-i*theta of Q: exact Cayley turns by 2 atan(theta).
  at::Tensor angles() const;

  /// The largest of the angles, radians; NaN where q is not finite. Cheaper than all of them.
  double largest_angle() const;

  /// R^exponent along the one-parameter group, by the exact formula and within no radius: each
  /// plane turns by `exponent` times its angle in (-pi, pi], a row scale s becomes 1 + exponent (s
  /// - 1). Of a Neumann series it is the power of the rotation nearest to R, so that the result is
  /// orthogonal to rounding whatever the formula was. q is float32, float64 where it was.
  Rotation power(double exponent) const;

  /// {"formula", "terms", "features", "block_size", "blocks", "block_share", "coft_eps", "side",
  /// "first_feature", "butterfly"}.
  std::string to_json() const;

  /// Rotates activations [..., features], 16-bit ones in float32: x R of the input side, y R^T of
  /// the output side.
  at::Tensor apply(const at::Tensor& x) const;

 private:
  at::Tensor q_;
  at::Tensor row_scale_;
  RotationSpec spec_;
  std::int64_t features_ = 0;
  std::int64_t block_size_ = 0;
};

/// The block size b of b(b-1)/2 parameters, or 0 where there is none.
OFT_EXPORT std::int64_t block_size_of(std::int64_t parameters);

/// Skew-symmetric blocks [n, b, b] from their upper triangles [n, b(b-1)/2].
OFT_EXPORT at::Tensor skew_from_upper(const at::Tensor& q, std::int64_t block_size);

/// The upper triangles [n, b(b-1)/2] of blocks [n, b, b].
OFT_EXPORT at::Tensor upper_from_skew(const at::Tensor& skew);

/// Scales down each row of q whose block has ||Q||_F = sqrt(2) ||q_row|| above eps / sqrt(rows).
OFT_EXPORT at::Tensor project_coft(const at::Tensor& q, double eps);

}  // namespace oft
