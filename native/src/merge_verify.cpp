#include "merge_verify.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

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

at::Tensor exact_rows(const std::vector<Rotation>& rotations, LayerKind kind,
                      std::int64_t first_row, at::Tensor rows) {
  rows = rows.to(at::kDouble);
  if (kind == LayerKind::kEmbedding) {
    for (const Rotation& rotation : rotations)
      rows = rotate_blocks_aten(rows, exact_matrices(rotation));
    return rows;
  }
  for (auto rotation = rotations.rbegin(); rotation != rotations.rend(); ++rotation) {
    const at::Tensor r = exact_matrices(*rotation);
    if (kind == LayerKind::kConv1D) {
      const std::int64_t b = rotation->block_size();
      const at::Tensor used = r.size(0) == 1 ? r : r.narrow(0, first_row / b, rows.size(0) / b);
      rows = at::matmul(used, rows.reshape({-1, b, rows.size(1)})).reshape(rows.sizes());
    } else {
      rows = rotate_blocks_aten(rows, r.transpose(1, 2));
    }
    if (rotation->row_scale().defined())
      rows =
          rows *
          rotation->row_scale().to(at::kDouble).reshape({-1, 1}).narrow(0, first_row, rows.size(0));
  }
  return rows;
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
        rotations_(plan.rotations(plan.layers[tensor.layer],
                                  rotated_features(kind_, tensor.target.shape))),
        rows_(tensor.target.shape[0]),
        row_elements_(tensor.target.numel() / rows_) {}

  double error() const {
    const std::int64_t granularity = WeightRotation::row_granularity(kind_, rotations_);
    const std::int64_t step = (kPieceRows + granularity - 1) / granularity * granularity;
    double difference = 0;
    double largest = 0;
    for (std::int64_t piece = 0; piece < kPieces; ++piece) {
      const std::int64_t first = rows_ * piece / kPieces / granularity * granularity;
      const std::int64_t count = std::min(step, rows_ - first);
      const at::Tensor exact = exact_rows(rotations_, kind_, first, source(first, count));
      const at::Tensor written = target(first, count).to(at::kDouble);
      difference = std::max(difference, (written - exact).abs().max().item<double>());
      largest = std::max(largest, exact.abs().max().item<double>());
    }
    return largest == 0 ? difference : difference / largest;
  }

 private:
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
  std::int64_t rows_;
  std::int64_t row_elements_;
};

}  // namespace

double verify_tolerance(at::ScalarType dtype) {
  constexpr double arithmetic = 2e-6;
  switch (dtype) {
    case at::kHalf:
      return arithmetic + 0x1p-11;
    case at::kBFloat16:
      return arithmetic + 0x1p-8;
    case at::kDouble:
      return 1e-12;
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
