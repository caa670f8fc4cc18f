#include "extract_layer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "procrustes.hpp"

namespace oft {
namespace {

// What is in memory in float64 at a time.
constexpr std::int64_t kPieceElements = std::int64_t{1} << 22;
// Of a matrix of products: far above the rounding of its computation, far below what counts.
constexpr double kRounding = 1e-11;

/// A weight as the vectors [n, d] whose d features a rotation turns.
at::Tensor as_neurons(const at::Tensor& weight, LayerKind kind) {
  return kind == LayerKind::kConv1D ? weight.t() : weight.flatten(1);
}

/// Both weights, some neurons at a time in float64.
class NeuronPairs {
 public:
  NeuronPairs(const at::Tensor& base, const at::Tensor& tuned, LayerKind kind)
      : base_(as_neurons(base, kind)), tuned_(as_neurons(tuned, kind)) {}

  std::int64_t count() const { return base_.size(0); }
  std::int64_t features() const { return base_.size(1); }

  void for_each(const std::function<void(const at::Tensor&, const at::Tensor&)>& work) const {
    const std::int64_t step =
        std::max<std::int64_t>(1, kPieceElements / std::max<std::int64_t>(1, features()));
    for (std::int64_t first = 0; first < count(); first += step) {
      const std::int64_t n = std::min(step, count() - first);
      work(base_.narrow(0, first, n).to(at::kDouble).contiguous(),
           tuned_.narrow(0, first, n).to(at::kDouble).contiguous());
    }
  }

 private:
  at::Tensor base_;
  at::Tensor tuned_;
};

/// Sums over all neurons.
struct Moments {
  at::Tensor products;       ///< W_k^T W'_k of each block, [blocks, b, b]
  double base_square = 0;    ///< ||W||^2
  double tuned_square = 0;   ///< ||W'||^2
  double change_square = 0;  ///< ||W' - W||^2
};

double square_norm(const at::Tensor& x) {
  const double norm = x.norm().item<double>();
  return norm * norm;
}

Moments sum_moments(const NeuronPairs& pairs, std::int64_t b) {
  const std::int64_t blocks = pairs.features() / b;
  Moments sums{at::zeros({blocks, b, b}, at::kDouble)};
  pairs.for_each([&](const at::Tensor& base, const at::Tensor& tuned) {
    const at::Tensor from = base.view({-1, blocks, b}).permute({1, 2, 0});
    const at::Tensor to = tuned.view({-1, blocks, b}).permute({1, 0, 2});
    sums.products.add_(at::bmm(from, to));
    sums.base_square += square_norm(base);
    sums.tuned_square += square_norm(tuned);
    sums.change_square += square_norm(tuned - base);
  });
  return sums;
}

/// How much X = I weighs against the weights: the variance of the rounding of W' to the coarser
/// type, for angles of which about a radian is expected, min ||W' - W X||^2 + w ||X - I||^2; at
/// least what the rounding of the products leaves open.
double identity_weight(const Moments& sums, std::int64_t elements, at::ScalarType base,
                       at::ScalarType tuned) {
  const auto epsilon = [](at::ScalarType type) {
    return type == at::kBFloat16 ? 0x1p-8
           : type == at::kHalf   ? 0x1p-11
           : type == at::kFloat  ? 0x1p-24
                                 : 0x1p-53;
  };
  const double unit = std::max(epsilon(base), epsilon(tuned));
  const double mean_square = sums.tuned_square / static_cast<double>(elements);
  const double largest = sums.products.flatten(1).norm(2, {1}).max().item<double>();
  return std::max(unit * unit * mean_square, kRounding * largest);
}

double residual_square(const NeuronPairs& pairs, LayerKind kind, const Rotation& rotation) {
  const LayerKind rows = kind == LayerKind::kEmbedding ? kind : LayerKind::kLinear;
  double sum = 0;
  pairs.for_each([&](const at::Tensor& base, const at::Tensor& tuned) {
    sum += square_norm(tuned - merge_weight(base, rows, {rotation}));
  });
  return sum;
}

}  // namespace

Rotation extract_rotation(const at::Tensor& base, const at::Tensor& tuned, LayerKind kind,
                          std::int64_t block_size, bool share, at::ScalarType dtype,
                          ExtractedLayer& row) {
  const NeuronPairs pairs(base, tuned, kind);
  Moments sums = sum_moments(pairs, block_size);
  if (!std::isfinite(sums.base_square) || !std::isfinite(sums.tuned_square))
    throw Error(Status::kInvalidArgument, "its weights hold NaN or infinity");
  if (share) sums.products = sums.products.sum(0, /*keepdim=*/true);
  const double weight =
      identity_weight(sums, base.numel(), base.scalar_type(), tuned.scalar_type());
  const at::Tensor identity = at::eye(block_size, sums.products.options());
  at::Tensor turned = nearest_rotations(sums.products + identity * weight);
  // An embedding's rows become W R, other weights W R^T.
  if (kind != LayerKind::kEmbedding) turned = turned.transpose(1, 2).contiguous();
  const CayleyParameters parameters = cayley_parameters(turned);
  RotationSpec spec;
  spec.block_share = share;
  Rotation rotation(parameters.q.to(dtype), pairs.features(), spec);

  const double residual = residual_square(pairs, kind, rotation);
  row.kind = layer_kind_name(kind);
  row.shape = base.sizes().vec();
  row.block_size = block_size;
  row.blocks = rotation.blocks();
  row.change = std::sqrt(sums.change_square);
  row.relative_change = sums.base_square > 0 ? std::sqrt(sums.change_square / sums.base_square) : 0;
  row.residual = std::sqrt(residual);
  row.explained = sums.change_square > 0 ? 1 - residual / sums.change_square : 1;
  row.largest_angle = rotation.largest_angle();
  row.held_blocks = parameters.held_blocks;
  return rotation;
}

}  // namespace oft
