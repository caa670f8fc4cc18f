#include "oft/merge.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <string>

#include "device_kernels.hpp"
#include "dtypes.hpp"
#include "huge_pages.hpp"
#include "oft/error.hpp"
#include "rotate_blocks.hpp"
#include "text.hpp"

namespace oft {
namespace {

// What is rotated in one go stays in the second-level cache, with what else is done to it.
constexpr std::int64_t kPieceElements = 1 << 17;

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
  granularity_ = row_granularity(kind, rotations);
  rows_ = shape[0];
  row_elements_ = rows_ == 0 ? 0 : c10::multiply_integers(shape) / rows_;

  for (const Rotation& rotation : rotations) {
    if (rotation.features() != features)
      throw Error(Status::kInvalidArgument,
                  describe(kind, shape) + " has " + std::to_string(features) +
                      " features, the rotation " + std::to_string(rotation.features()));
    if (rotation.block_size() > 1) {
      // An embedding's rows are activations, E R; a Linear meets them transposed, W R^T.
      bool transposed = kind != LayerKind::kEmbedding && !from_left_;
      const bool inverted = direction == Direction::kUnmerge;
      at::Tensor matrices;
      if (inverted && !rotation.is_orthogonal()) {
        matrices = rotation.inverse(compute_);
      } else {
        matrices = rotation.matrices(compute_);
        transposed = transposed != inverted;
      }
      if (transposed) matrices = matrices.transpose(1, 2);
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

void WeightRotation::apply(const Factor& factor, std::int64_t first_row, std::int64_t rows,
                           const void* in, void* out, at::ScalarType dtype) const {
  if (from_left_) {
    rotate_rows_left(in, out, first_row, rows, row_elements_, factor.matrices, dtype);
  } else {
    rotate_rows(in, out, rows, row_elements_, factor.matrices, dtype);
  }
}

at::Tensor WeightRotation::rotate(std::int64_t first_row, const at::Tensor& rows) const {
  at::Tensor value = rows.to(compute_);
  for (const Factor& factor : factors_) {
    const at::Tensor matrices = factor.matrices.to(value.device());
    if (from_left_) {
      const bool shared = matrices.size(0) == 1;
      const std::int64_t b = factor.block_size;
      value = rotate_blocks_left(
          value, shared ? matrices : matrices.narrow(0, first_row / b, value.size(0) / b));
    } else {
      value = rotate_blocks(value, matrices);
    }
  }
  if (row_scale_.defined())
    value = value * row_scale_.narrow(0, first_row, value.size(0)).to(value.device());
  return value;
}

void WeightRotation::run(std::int64_t first_row, std::int64_t rows, const void* in,
                         void* out) const {
  if (factors_.size() == 1 && !row_scale_.defined()) {
    apply(factors_.front(), first_row, rows, in, out, dtype_);
    return;
  }
  const auto options = at::TensorOptions().dtype(dtype_);
  const at::Tensor source = at::from_blob(const_cast<void*>(in), {rows, row_elements_}, options);
  const at::Tensor target = at::from_blob(out, {rows, row_elements_}, options);
  const at::Tensor value = dtype_ == compute_ ? target : at::empty_like(source, compute_);
  if (in != value.const_data_ptr()) value.copy_(source);
  void* data = value.mutable_data_ptr();
  for (const Factor& factor : factors_) apply(factor, first_row, rows, data, data, compute_);
  if (row_scale_.defined()) value.mul_(row_scale_.narrow(0, first_row, rows));
  if (dtype_ != compute_) target.copy_(value);
}

void WeightRotation::run(std::int64_t first_row, const at::Tensor& rows,
                         const at::Tensor& out) const {
  if (factors_.size() == 1 && !from_left_ && !row_scale_.defined()) {
    const Factor& factor = factors_.front();
    if (const auto* fused = rotate_kernels(rows, factor.block_size))
      return fused->rotate_blocks_to(rows, factor.matrices.to(rows.device()), out);
  }
  out.copy_(rotate(first_row, rows));
}

void WeightRotation::move_to(at::Device device) {
  for (Factor& factor : factors_) factor.matrices = factor.matrices.to(device);
  if (row_scale_.defined()) row_scale_ = row_scale_.to(device);
}

bool WeightRotation::run_all(const void* in, void* out, bool check) const {
  const auto row_bytes = static_cast<std::size_t>(row_elements_) * c10::elementSize(dtype_);
  const std::int64_t fit = kPieceElements / std::max<std::int64_t>(1, row_elements_);
  const std::int64_t step = std::max<std::int64_t>(1, fit / granularity_) * granularity_;
  std::atomic<bool> finite = true;
  at::parallel_for(0, (rows_ + step - 1) / step, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin * step; row < std::min(end * step, rows_); row += step) {
      const std::int64_t rows = std::min(step, rows_ - row);
      const std::size_t offset = static_cast<std::size_t>(row) * row_bytes;
      char* to = static_cast<char*>(out) + offset;
      run(row, rows, static_cast<const char*>(in) + offset, to);
      if (check && !all_finite(to, rows * row_elements_, dtype_)) finite = false;
    }
  });
  return finite;
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

/// Rotates `source` to `target`, both contiguous and of one type; they may be the same.
/// Returns as `run_all` does.
bool rotate_weight(const at::Tensor& source, const at::Tensor& target, LayerKind kind,
                   const std::vector<Rotation>& rotations, WeightRotation::Direction direction,
                   bool check) {
  const WeightRotation rotation(kind, source.sizes(), source.scalar_type(), rotations, direction);
  if (source.numel() == 0) return true;
  if (source.is_cpu())
    return rotation.run_all(source.const_data_ptr(), target.mutable_data_ptr(), check);
  rotation.run(0, source.flatten(1), target.flatten(1));
  return !check || target.isfinite().all().item<bool>();
}

void rotate_in_place(const at::Tensor& weight, LayerKind kind,
                     const std::vector<Rotation>& rotations, WeightRotation::Direction direction) {
  if (!weight.is_contiguous())
    throw Error(Status::kInvalidArgument, describe(kind, weight.sizes()) +
                                              " is not contiguous, so it cannot be rotated in "
                                              "place; rotate it to a new tensor instead");
  const at::Tensor values = weight.detach();
  rotate_weight(values, values, kind, rotations, direction, /*check=*/false);
}

}  // namespace

at::Tensor merge_weight(const at::Tensor& weight, LayerKind kind,
                        const std::vector<Rotation>& rotations, bool safe) {
  const at::Tensor source = weight.detach().contiguous();
  const at::Tensor merged = at::empty_like(source);
  prefer_huge_pages(merged);
  if (!rotate_weight(source, merged, kind, rotations, WeightRotation::Direction::kMerge, safe))
    throw Error(Status::kInvalidArgument,
                "the merged weight holds values that are not finite; the base weight, the adapter "
                "or the range of " +
                    torch_name(weight.scalar_type()) + " is to blame");
  return merged;
}

void merge_weight_(const at::Tensor& weight, LayerKind kind,
                   const std::vector<Rotation>& rotations) {
  rotate_in_place(weight, kind, rotations, WeightRotation::Direction::kMerge);
}

at::Tensor unmerge_weight(const at::Tensor& weight, LayerKind kind,
                          const std::vector<Rotation>& rotations) {
  const at::Tensor source = weight.detach().contiguous();
  const at::Tensor restored = at::empty_like(source);
  prefer_huge_pages(restored);
  rotate_weight(source, restored, kind, rotations, WeightRotation::Direction::kUnmerge,
                /*check=*/false);
  return restored;
}

void unmerge_weight_(const at::Tensor& weight, LayerKind kind,
                     const std::vector<Rotation>& rotations) {
  rotate_in_place(weight, kind, rotations, WeightRotation::Direction::kUnmerge);
}

}  // namespace oft
