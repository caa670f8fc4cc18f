#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <iterator>
#include <numeric>
#include <string>

#include "butterfly.hpp"
#include "device_kernels.hpp"
#include "dtypes.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "rotate_blocks.hpp"
#include "rotation_quality.hpp"
#include "weight_text.hpp"

namespace oft {
namespace {

// What is rotated in one go stays in the second-level cache, with what else is done to it.
constexpr std::int64_t kPieceElements = 1 << 17;

/// Whether a rotation multiplies the stored weight from the left: its rows are turned.
bool turns_rows(LayerKind kind, Side side) {
  return (kind == LayerKind::kConv1D) == (side == Side::kInput);
}

/// How many rows the blocks of a rotation that turns rows mix with each other.
std::int64_t mixed_rows(const Rotation& rotation) {
  return std::max(rotation.block_size(), 2 * rotation.spec().butterfly);
}

void check_fit(LayerKind kind, at::IntArrayRef shape, const Rotation& rotation) {
  const RotationSpec& spec = rotation.spec();
  const std::int64_t features = rotated_features(kind, shape, spec.side);
  const std::string side = spec.side == Side::kInput ? " features" : " outputs";
  const bool fits = spec.side == Side::kInput
                        ? rotation.features() == features
                        : spec.first_feature + rotation.features() <= features;
  if (!fits)
    throw Error(Status::kInvalidArgument,
                weight_text(kind, shape) + " has " + std::to_string(features) + side +
                    ", the rotation " + std::to_string(rotation.features()) +
                    (spec.first_feature == 0
                         ? ""
                         : " from number " + std::to_string(spec.first_feature) + " on"));
  if (!turns_rows(kind, spec.side) && (rotation.features() != features || spec.butterfly != 0))
    throw Error(Status::kUnsupported,
                weight_text(kind, shape) +
                    ": a part of its outputs, or a butterfly of them, cannot be turned in this "
                    "layout");
}

}  // namespace

WeightRotation::WeightRotation(LayerKind kind, at::IntArrayRef shape, at::ScalarType dtype,
                               const std::vector<Rotation>& rotations, Direction direction)
    : dtype_(dtype), compute_(dtype == at::kDouble ? at::kDouble : at::kFloat) {
  if (!is_rotatable(dtype))
    throw Error(Status::kUnsupported, weight_text(kind, shape) + " of " + torch_name(dtype) +
                                          " cannot be rotated; only float16, bfloat16, float32 and "
                                          "float64 can");
  rotated_features(kind, shape);  // throws for another number of dimensions
  rows_ = shape[0];
  row_elements_ = rows_ == 0 ? 0 : c10::multiply_integers(shape) / rows_;
  granularity_ = row_granularity(kind, shape, rotations);

  // Inputs and outputs are turned from different ends, whatever the order between them.
  std::vector<Factor> inputs;
  std::vector<Factor> outputs;
  for (const Rotation& rotation : rotations) add(kind, shape, rotation, direction, inputs, outputs);
  // A forward meets the first adapter first: so do outputs and a table of activations, while the
  // input side of a weight is multiplied from the other end.
  const bool merging = direction == Direction::kMerge;
  if ((kind != LayerKind::kEmbedding) == merging) std::reverse(inputs.begin(), inputs.end());
  if (!merging) std::reverse(outputs.begin(), outputs.end());
  factors_ = std::move(inputs);
  std::move(outputs.begin(), outputs.end(), std::back_inserter(factors_));
}

void WeightRotation::add(LayerKind kind, at::IntArrayRef shape, const Rotation& rotation,
                         Direction direction, std::vector<Factor>& inputs,
                         std::vector<Factor>& outputs) const {
  check_fit(kind, shape, rotation);
  const RotationSpec& spec = rotation.spec();
  const bool inverted = direction == Direction::kUnmerge;
  if (rotation.block_size() > 1) {
    const bool from_left = turns_rows(kind, spec.side);
    // An embedding's rows are activations, E R; a weight meets what turns its columns transposed.
    bool transposed = kind != LayerKind::kEmbedding && !from_left;
    at::Tensor matrices;
    if (inverted && !rotation.is_orthogonal()) {
      matrices = rotation.inverse(compute_);
    } else {
      matrices = rotation.matrices(compute_);
      transposed = transposed != inverted;
    }
    if (transposed) matrices = matrices.transpose(1, 2);
    (spec.side == Side::kInput ? inputs : outputs)
        .push_back({.kind = from_left ? Factor::Kind::kLeft : Factor::Kind::kRight,
                    .values = matrices.contiguous(),
                    .first = spec.first_feature,
                    .features = rotation.features(),
                    .butterfly = spec.butterfly});
  }
  if (rotation.row_scale().defined()) {
    at::Tensor scale = rotation.row_scale().to(compute_).reshape({-1, 1});
    if (kind == LayerKind::kConv1D || kind == LayerKind::kEmbedding || scale.size(0) != rows_)
      throw Error(Status::kInvalidArgument, weight_text(kind, shape) + ": a row scale of " +
                                                std::to_string(scale.size(0)) +
                                                " elements does not fit it");
    if (inverted) scale = scale.reciprocal();
    outputs.push_back({.kind = Factor::Kind::kRowScale, .values = std::move(scale)});
  }
}

std::int64_t WeightRotation::row_granularity(LayerKind kind, at::IntArrayRef shape,
                                             const std::vector<Rotation>& rotations) {
  const std::int64_t all = std::max<std::int64_t>(1, shape[0]);
  std::int64_t rows = 1;
  for (const Rotation& rotation : rotations)
    if (turns_rows(kind, rotation.spec().side)) rows = std::lcm(rows, mixed_rows(rotation));
  const bool aligned = std::all_of(rotations.begin(), rotations.end(), [&](const Rotation& part) {
    return part.spec().first_feature % rows == 0;
  });
  return aligned ? std::min(rows, all) : all;
}

void WeightRotation::apply(const Factor& factor, std::int64_t first_row, std::int64_t rows,
                           const void* in, void* out, at::ScalarType dtype) const {
  if (factor.kind == Factor::Kind::kRight)
    return rotate_rows(in, out, rows, row_elements_, factor.values, dtype);
  const std::size_t row_bytes = static_cast<std::size_t>(row_elements_) * c10::elementSize(dtype);
  const std::int64_t begin = std::max(first_row, factor.first);
  const std::int64_t end = std::min(first_row + rows, factor.first + factor.features);
  if (in != out && (begin != first_row || end != first_row + rows)) {
    std::memcpy(out, in, static_cast<std::size_t>(rows) * row_bytes);
    in = out;
  }
  if (begin >= end) return;
  const std::size_t offset = static_cast<std::size_t>(begin - first_row) * row_bytes;
  const char* from = static_cast<const char*>(in) + offset;
  char* to = static_cast<char*>(out) + offset;
  if (factor.butterfly == 0)
    return rotate_rows_left(from, to, begin - factor.first, end - begin, row_elements_,
                            factor.values, dtype);
  const auto view = [&](const void* data) {
    return at::from_blob(const_cast<void*>(data), {end - begin, row_elements_},
                         at::TensorOptions().dtype(dtype));
  };
  const at::Tensor mixed = to_butterfly(view(from), 0, factor.butterfly);
  void* data = mixed.mutable_data_ptr();
  rotate_rows_left(data, data, begin - factor.first, end - begin, row_elements_, factor.values,
                   dtype);
  view(to).copy_(from_butterfly(mixed, 0, factor.butterfly));
}

at::Tensor WeightRotation::apply(const Factor& factor, std::int64_t first_row,
                                 const at::Tensor& rows) const {
  const at::Tensor values = factor.values.to(rows.device());
  switch (factor.kind) {
    case Factor::Kind::kRight:
      return rotate_blocks(rows, values);
    case Factor::Kind::kRowScale:
      return rows * values.narrow(0, first_row, rows.size(0));
    case Factor::Kind::kLeft:
      break;
  }
  const std::int64_t begin = std::max(first_row, factor.first);
  const std::int64_t end = std::min(first_row + rows.size(0), factor.first + factor.features);
  if (begin >= end) return rows;
  const std::int64_t b = values.size(1);
  const at::Tensor blocks = values.size(0) == 1
                                ? values
                                : values.narrow(0, (begin - factor.first) / b, (end - begin) / b);
  at::Tensor turned = rows.narrow(0, begin - first_row, end - begin);
  if (factor.butterfly == 0)
    turned = rotate_blocks_left(turned, blocks);
  else
    turned = from_butterfly(rotate_blocks_left(to_butterfly(turned, 0, factor.butterfly), blocks),
                            0, factor.butterfly);
  if (end - begin == rows.size(0)) return turned;
  return at::cat({rows.narrow(0, 0, begin - first_row), turned,
                  rows.narrow(0, end - first_row, first_row + rows.size(0) - end)});
}

bool WeightRotation::is_plain() const {
  return factors_.size() == 1 && factors_.front().kind != Factor::Kind::kRowScale;
}

at::Tensor WeightRotation::rotate(std::int64_t first_row, const at::Tensor& rows) const {
  at::Tensor value = rows.to(compute_);
  for (const Factor& factor : factors_) value = apply(factor, first_row, value);
  return value;
}

void WeightRotation::run(std::int64_t first_row, std::int64_t rows, const void* in,
                         void* out) const {
  if (is_plain()) return apply(factors_.front(), first_row, rows, in, out, dtype_);
  const auto options = at::TensorOptions().dtype(dtype_);
  const at::Tensor source = at::from_blob(const_cast<void*>(in), {rows, row_elements_}, options);
  const at::Tensor target = at::from_blob(out, {rows, row_elements_}, options);
  const at::Tensor value = dtype_ == compute_ ? target : at::empty_like(source, compute_);
  if (in != value.const_data_ptr()) value.copy_(source);
  void* data = value.mutable_data_ptr();
  for (const Factor& factor : factors_) {
    if (factor.kind == Factor::Kind::kRowScale)
      value.mul_(factor.values.narrow(0, first_row, rows));
    else
      apply(factor, first_row, rows, data, data, compute_);
  }
  if (dtype_ != compute_) target.copy_(value);
}

void WeightRotation::run(std::int64_t first_row, const at::Tensor& rows,
                         const at::Tensor& out) const {
  if (factors_.size() == 1 && factors_.front().kind == Factor::Kind::kRight) {
    const at::Tensor& matrices = factors_.front().values;
    if (const auto* fused = rotate_kernels(rows, matrices.size(-1)))
      return fused->rotate_blocks_to(rows, matrices.to(rows.device()), out);
  }
  out.copy_(rotate(first_row, rows));
}

void WeightRotation::move_to(at::Device device) {
  for (Factor& factor : factors_) factor.values = factor.values.to(device);
}

double WeightRotation::orthogonality_error() const {
  double worst = 0;
  for (const Factor& factor : factors_) {
    if (factor.kind == Factor::Kind::kRowScale) continue;
    const double error = worst_orthogonality(factor.values);
    if (std::isnan(error) || error > worst) worst = error;
  }
  return worst;
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

}  // namespace oft
