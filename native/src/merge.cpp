#include "oft/merge.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "dtypes.hpp"
#include "oft/error.hpp"
#include "rotate_blocks.hpp"
#include "text.hpp"

namespace oft {
namespace {

std::string describe(LayerKind kind, at::IntArrayRef shape) {
  return std::string(layer_kind_name(kind)) + " weight of shape " + shape_text(shape);
}

/// True where every element's exponent bits leave room: all ones mean infinity or NaN.
template <typename Bits>
bool exponents_are_finite(const void* data, std::int64_t count, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(data);
  unsigned bad = 0;
  for (std::int64_t i = 0; i < count; ++i) bad |= (bits[i] & exponent) == exponent;
  return bad == 0;
}

}  // namespace

std::int64_t rotated_features(LayerKind kind, at::IntArrayRef shape) {
  const auto expect = [&](std::size_t dims) {
    if (shape.size() != dims)
      throw Error(Status::kUnsupported,
                  describe(kind, shape) + ": expected " + std::to_string(dims) + " dimensions");
  };
  switch (kind) {
    case LayerKind::kLinear:
    case LayerKind::kEmbedding:
      expect(2);
      return shape[1];
    case LayerKind::kConv1D:
      expect(2);
      return shape[0];
    case LayerKind::kConv1d:
      expect(3);
      return shape[1] * shape[2];
    case LayerKind::kConv2d:
      expect(4);
      return shape[1] * shape[2] * shape[3];
    case LayerKind::kOther:
      break;
  }
  throw Error(Status::kUnsupported, describe(kind, shape) + " cannot be rotated");
}

WeightRotation::WeightRotation(LayerKind kind, at::IntArrayRef shape, at::ScalarType dtype,
                               const std::vector<Rotation>& rotations, Direction direction)
    : dtype_(dtype),
      compute_(dtype == at::kDouble ? at::kDouble : at::kFloat),
      from_left_(kind == LayerKind::kConv1D) {
  if (!is_rotatable(dtype))
    throw Error(Status::kUnsupported, describe(kind, shape) + " of " + torch_name(dtype) +
                                          " cannot be rotated; only float16, bfloat16, float32 and "
                                          "float64 can");
  const std::int64_t features = rotated_features(kind, shape);
  rows_ = shape[0];
  row_elements_ = rows_ == 0 ? 0 : c10::multiply_integers(shape) / rows_;

  for (const Rotation& rotation : rotations) {
    if (rotation.features() != features)
      throw Error(Status::kInvalidArgument,
                  describe(kind, shape) + " has " + std::to_string(features) +
                      " features, the rotation " + std::to_string(rotation.features()));
    if (rotation.block_size() > 1) {
      at::Tensor matrices =
          direction == Direction::kMerge ? rotation.matrices(compute_) : rotation.inverse(compute_);
      // An embedding's rows are activations, E R; a Linear meets them transposed, W R^T.
      if (kind != LayerKind::kEmbedding && !from_left_) matrices = matrices.transpose(1, 2);
      factors_.push_back({matrices.contiguous(), rotation.block_size()});
    }
    if (rotation.row_scale().defined()) {
      at::Tensor scale = rotation.row_scale().to(compute_).reshape({-1, 1});
      if (from_left_ || kind == LayerKind::kEmbedding || scale.size(0) != rows_)
        throw Error(Status::kInvalidArgument, describe(kind, shape) + ": a row scale of " +
                                                  std::to_string(scale.size(0)) +
                                                  " elements does not fit it");
      if (direction == Direction::kUnmerge) scale = scale.reciprocal();
      row_scale_ = row_scale_.defined() ? row_scale_ * scale : scale;
    }
  }
  // A forward meets the first adapter first: so does a table of activations, while a weight is
  // multiplied from the other end.
  const bool last_first = (kind != LayerKind::kEmbedding) == (direction == Direction::kMerge);
  if (last_first) std::reverse(factors_.begin(), factors_.end());
}

std::int64_t WeightRotation::row_granularity(LayerKind kind,
                                             const std::vector<Rotation>& rotations) {
  std::int64_t rows = 1;
  if (kind == LayerKind::kConv1D)
    for (const Rotation& rotation : rotations) rows = std::lcm(rows, rotation.block_size());
  return rows;
}

at::Tensor WeightRotation::rotate(std::int64_t first_row, const at::Tensor& rows) const {
  at::Tensor value = rows.to(compute_);
  for (const Factor& factor : factors_) {
    if (from_left_) {
      const std::int64_t b = factor.block_size;
      const at::Tensor& m = factor.matrices;
      const at::Tensor used = m.size(0) == 1 ? m : m.narrow(0, first_row / b, value.size(0) / b);
      value = at::matmul(used, value.reshape({-1, b, value.size(1)})).reshape(value.sizes());
    } else {
      value = rotate_blocks(value, factor.matrices.to(value.device()));
    }
  }
  if (row_scale_.defined())
    value = value * row_scale_.narrow(0, first_row, value.size(0)).to(value.device());
  return value;
}

void WeightRotation::run(std::int64_t first_row, std::int64_t rows, const void* in,
                         void* out) const {
  if (factors_.size() == 1 && !from_left_ && !row_scale_.defined()) {
    const Factor& factor = factors_.front();
    rotate_rows(in, out, rows, row_elements_ / factor.block_size, factor.matrices, dtype_);
    return;
  }
  const auto options = at::TensorOptions().dtype(dtype_);
  const at::Tensor source = at::from_blob(const_cast<void*>(in), {rows, row_elements_}, options);
  at::from_blob(out, {rows, row_elements_}, options).copy_(rotate(first_row, source));
}

bool WeightRotation::all_finite(const void* data, std::int64_t count, at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return exponents_are_finite<std::uint64_t>(data, count, 0x7ff0000000000000u);
    case at::kHalf:
      return exponents_are_finite<std::uint16_t>(data, count, 0x7c00u);
    case at::kBFloat16:
      return exponents_are_finite<std::uint16_t>(data, count, 0x7f80u);
    default:
      return exponents_are_finite<std::uint32_t>(data, count, 0x7f800000u);
  }
}

namespace {

at::Tensor rotate_weight(const at::Tensor& weight, LayerKind kind,
                         const std::vector<Rotation>& rotations,
                         WeightRotation::Direction direction) {
  const WeightRotation rotation(kind, weight.sizes(), weight.scalar_type(), rotations, direction);
  const at::Tensor source = weight.detach().contiguous();
  at::Tensor result = at::empty_like(source);
  if (source.numel() == 0) return result;
  if (!source.is_cpu()) {
    result.copy_(rotation.rotate(0, source.flatten(1)).reshape(source.sizes()));
    return result;
  }
  const auto* in = static_cast<const char*>(source.const_data_ptr());
  auto* out = static_cast<char*>(result.mutable_data_ptr());
  const auto row_bytes = static_cast<std::size_t>(rotation.row_elements()) * source.element_size();
  const std::int64_t step = WeightRotation::row_granularity(kind, rotations);
  at::parallel_for(0, rotation.rows() / step, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::size_t offset = static_cast<std::size_t>(begin * step) * row_bytes;
    rotation.run(begin * step, (end - begin) * step, in + offset, out + offset);
  });
  return result;
}

}  // namespace

at::Tensor merge_weight(const at::Tensor& weight, LayerKind kind,
                        const std::vector<Rotation>& rotations, bool safe) {
  at::Tensor merged = rotate_weight(weight, kind, rotations, WeightRotation::Direction::kMerge);
  if (safe && !merged.isfinite().all().item<bool>())
    throw Error(Status::kInvalidArgument,
                "the merged weight holds values that are not finite; the base weight, the adapter "
                "or the range of " +
                    torch_name(weight.scalar_type()) + " is to blame");
  return merged;
}

at::Tensor unmerge_weight(const at::Tensor& weight, LayerKind kind,
                          const std::vector<Rotation>& rotations) {
  return rotate_weight(weight, kind, rotations, WeightRotation::Direction::kUnmerge);
}

}  // namespace oft
