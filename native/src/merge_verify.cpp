#include "merge_verify.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "butterfly.hpp"
#include "cayley.hpp"
#include "dtypes.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "rotate_blocks.hpp"

namespace oft {
namespace {

constexpr std::size_t kLayers = 16;
constexpr std::int64_t kPieces = 4;
constexpr std::int64_t kPieceRows = 64;

/// R in float64 without the kernels that the merge itself ran on.
at::Tensor exact_matrices(const Rotation& rotation) {
  return cayley_aten(upper_from_skew(rotation.skew(at::kDouble)), rotation.block_size(),
                     rotation.spec());
}

class LayerSample {
 public:
  LayerSample(const MergePlan& plan, const Checkpoint& base, const PlannedTensor& tensor,
              const SafetensorsWriter& writer, std::size_t index)
      : base_(base),
        tensor_(tensor),
        writer_(writer),
        index_(index),
        kind_(plan.layers[tensor.layer].kind),
        rotations_(plan.rotations(plan.layers[tensor.layer], tensor.target.shape)),
        rows_(tensor.target.shape[0]),
        row_elements_(tensor.target.numel() / rows_) {
    for (const Rotation& rotation : rotations_) matrices_.push_back(exact_matrices(rotation));
  }

  double error() const {
    const std::int64_t granularity =
        WeightRotation::row_granularity(kind_, tensor_.target.shape, rotations_);
    const std::int64_t step = (kPieceRows + granularity - 1) / granularity * granularity;
    at::Tensor difference = at::zeros({}, at::kDouble);
    at::Tensor largest = at::zeros({}, at::kDouble);
    for (std::int64_t piece = 0; piece < kPieces; ++piece) {
      const std::int64_t first = rows_ * piece / kPieces / granularity * granularity;
      const std::int64_t count = std::min(step, rows_ - first);
      const at::Tensor exact = rotated(first, source(first, count));
      const at::Tensor written = target(first, count).to(at::kDouble);
      difference = at::maximum(difference, (written - exact).abs().max());  // keeps NaN
      largest = at::maximum(largest, exact.abs().max());
    }
    return (largest.item<double>() == 0 ? difference : difference / largest).item<double>();
  }

 private:
  at::Tensor rotated(std::int64_t first_row, at::Tensor rows) const {
    rows = rows.to(at::kDouble);
    const std::size_t count = rotations_.size();
    const bool is_embedding = kind_ == LayerKind::kEmbedding;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t i = is_embedding ? n : count - 1 - n;
      if (rotations_[i].spec().side == Side::kOutput) continue;
      rows = kind_ == LayerKind::kConv1D
                 ? from_left(i, first_row, rows)
                 : rotate_blocks_aten(rows, is_embedding ? matrices_[i] : transposed(i));
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (rotations_[i].spec().side == Side::kOutput)
        rows = kind_ == LayerKind::kConv1D ? rotate_blocks_aten(rows, transposed(i))
                                           : from_left(i, first_row, rows);
      if (const at::Tensor& scale = rotations_[i].row_scale(); scale.defined())
        rows = rows * scale.to(at::kDouble).reshape({-1, 1}).narrow(0, first_row, rows.size(0));
    }
    return rows;
  }

  at::Tensor transposed(std::size_t rotation) const { return matrices_[rotation].transpose(1, 2); }

  at::Tensor from_left(std::size_t rotation, std::int64_t first_row, const at::Tensor& rows) const {
    const at::Tensor& r = matrices_[rotation];
    const RotationSpec& spec = rotations_[rotation].spec();
    const std::int64_t b = r.size(1);
    const std::int64_t begin = std::max(first_row, spec.first_feature);
    const std::int64_t end =
        std::min(first_row + rows.size(0), spec.first_feature + rotations_[rotation].features());
    if (begin >= end) return rows;
    const at::Tensor used =
        r.size(0) == 1 ? r : r.narrow(0, (begin - spec.first_feature) / b, (end - begin) / b);
    at::Tensor part = rows.narrow(0, begin - first_row, end - begin);
    if (spec.butterfly != 0) part = to_butterfly(part, 0, spec.butterfly);
    part = at::matmul(used, part.reshape({-1, b, rows.size(1)})).reshape(part.sizes());
    if (spec.butterfly != 0) part = from_butterfly(part, 0, spec.butterfly);
    at::Tensor result = rows.clone();
    result.narrow(0, begin - first_row, end - begin).copy_(part);
    return result;
  }

  at::Tensor buffer(std::int64_t rows, SafetensorsDType dtype) const {
    return at::empty({rows, row_elements_},
                     at::TensorOptions().dtype(scalar_type(dtype, tensor_.target.name)));
  }

  at::Tensor source(std::int64_t first, std::int64_t count) const {
    if (tensor_.replacement.defined())
      return tensor_.replacement.reshape({rows_, row_elements_}).narrow(0, first, count);
    const SafetensorsEntry& entry = *tensor_.source->entry;
    at::Tensor rows = buffer(count, entry.dtype);
    const auto row_bytes = static_cast<std::uint64_t>(row_elements_) * rows.element_size();
    base_.files()[tensor_.source->file].read(entry, static_cast<std::uint64_t>(first) * row_bytes,
                                             rows.nbytes(), rows.mutable_data_ptr());
    return rows;
  }

  at::Tensor target(std::int64_t first, std::int64_t count) const {
    at::Tensor rows = buffer(count, tensor_.target.dtype);
    const auto row_bytes = static_cast<std::uint64_t>(row_elements_) * rows.element_size();
    writer_.read(index_, static_cast<std::uint64_t>(first) * row_bytes, rows.mutable_data_ptr(),
                 rows.nbytes());
    return rows;
  }

  const Checkpoint& base_;
  const PlannedTensor& tensor_;
  const SafetensorsWriter& writer_;
  std::size_t index_;
  LayerKind kind_;
  std::vector<Rotation> rotations_;
  std::vector<at::Tensor> matrices_;  // R in float64, by rotations_
  std::int64_t rows_;
  std::int64_t row_elements_;
};

}  // namespace

double verify_tolerance(at::ScalarType dtype, std::int64_t block_size) {
  // Rounding errors of a sum of b terms grow like sqrt(b); 2e-6 is ample for b = 32.
  const double growth = std::sqrt(std::max(1.0, static_cast<double>(block_size) / 32));
  const double arithmetic = 2e-6 * growth;
  switch (dtype) {
    case at::kHalf:
      return arithmetic + 0x1p-11;
    case at::kBFloat16:
      return arithmetic + 0x1p-8;
    case at::kDouble:
      return 1e-12 * growth;
    default:
      return arithmetic;
  }
}

std::vector<std::optional<double>> verify_merge(const MergePlan& plan, const Checkpoint& base,
                                                const std::vector<SafetensorsWriter>& writers) {
  std::vector<std::optional<double>> errors(plan.layers.size());
  const std::size_t stride = (plan.layers.size() + kLayers - 1) / kLayers;
  for (std::size_t file = 0; file < plan.files.size(); ++file)
    for (std::size_t i = 0; i < plan.files[file].tensors.size(); ++i) {
      const PlannedTensor& tensor = plan.files[file].tensors[i];
      if (tensor.layer == PlannedTensor::kNoLayer || tensor.layer % stride != 0 ||
          tensor.target.numel() == 0)
        continue;
      errors[tensor.layer] = LayerSample(plan, base, tensor, writers[file], i).error();
    }
  return errors;
}

}  // namespace oft
