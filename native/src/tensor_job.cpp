#include "tensor_job.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>

#include "dtypes.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

// Small enough to stay in the second-level cache between read, rotation and write; the page cache
// takes large pieces with fewer, larger pages.
constexpr std::int64_t kPieceBytes = 1 << 20;
// A device wants more at a time.
constexpr std::int64_t kDevicePieceBytes = 16 << 20;

double worse(double a, double b) { return std::isnan(a) || a >= b ? a : b; }

}  // namespace

void RotationQuality::include(const RotationQuality& other) {
  orthogonality_error = worse(orthogonality_error, other.orthogonality_error);
  largest_angle = worse(largest_angle, other.largest_angle);
}

TensorJob::TensorJob(const MergePlan& plan, const Checkpoint& base, const PlannedTensor& tensor,
                     SafetensorsWriter& writer, std::size_t index, at::Device device)
    : plan_(plan), base_(base), tensor_(tensor), writer_(writer), index_(index), device_(device) {
  const std::string what = "tensor '" + tensor.target.name + "'";
  target_type_ = scalar_type(tensor.target.dtype, what);
  source_type_ = tensor.replacement.defined() ? tensor.replacement.scalar_type()
                                              : scalar_type(tensor.source->entry->dtype, what);
  const auto& shape = tensor.target.shape;
  rows_ = shape.empty() ? 1 : shape[0];
  row_elements_ = rows_ == 0 ? 0 : tensor.target.numel() / rows_;
}

bool TensorJob::is_copy() const {
  return !is_rotated() && !tensor_.replacement.defined() && source_type_ == target_type_;
}

std::int64_t TensorJob::piece_rows() const {
  const std::int64_t granularity =
      is_rotated()
          ? WeightRotation::row_granularity(layer().kind, tensor_.target.shape, rotations())
          : 1;
  const auto size = static_cast<std::int64_t>(
      std::max(c10::elementSize(source_type_), c10::elementSize(target_type_)));
  const std::int64_t most = is_rotated() && !device_.is_cpu() ? kDevicePieceBytes : kPieceBytes;
  const std::int64_t fit = most / std::max<std::int64_t>(1, row_elements_ * size);
  return std::max<std::int64_t>(1, fit / granularity) * granularity;
}

void TensorJob::copy(std::uint64_t offset, std::uint64_t size) {
  const SafetensorsFile& file = base_.files()[tensor_.source->file];
  writer_.copy(index_, offset, file.descriptor(),
               file.data_offset() + tensor_.source->entry->begin + offset, size);
}

void TensorJob::transform(std::int64_t first_row, std::int64_t rows, bool safe,
                          std::vector<char>& buffer) {
  const std::int64_t elements = rows * row_elements_;
  at::Tensor piece;
  if (is_rotated() && !device_.is_cpu()) {
    piece = rotate_on_device(first_row, rows);
  } else if (piece = read(first_row, rows, buffer); is_rotated()) {
    if (source_type_ == target_type_ && !tensor_.replacement.defined())
      rotation().run(first_row, rows, buffer.data(), buffer.data());
    else
      piece = rotation().rotate(first_row, piece);
  }
  piece = piece.to(target_type_).contiguous();
  if (is_rotated() && safe &&
      !WeightRotation::all_finite(piece.const_data_ptr(), elements, target_type_))
    throw Error(Status::kInvalidArgument,
                "layer '" + layer().name + "': the merged weight is not finite in rows " +
                    std::to_string(first_row) + " to " + std::to_string(first_row + rows - 1) +
                    "; the base weight, the adapter or the range of " + torch_name(target_type_) +
                    " is to blame");
  const std::size_t row_bytes = static_cast<std::size_t>(row_elements_) * piece.element_size();
  writer_.write(index_, static_cast<std::uint64_t>(first_row) * row_bytes, piece.const_data_ptr(),
                static_cast<std::size_t>(rows) * row_bytes);
}

void TensorJob::finish_piece() {
  if (remaining_.fetch_sub(1) == 1) rotation_.reset();
}

std::vector<Rotation> TensorJob::rotations() const {
  return plan_.rotations(layer(), tensor_.target.shape);
}

const WeightRotation& TensorJob::rotation() {
  std::call_once(prepared_, [&] {
    // Where the type changes, the rotation runs on what was read and is rounded once, at the end.
    const std::vector<Rotation> parts = rotations();
    rotation_ =
        std::make_unique<WeightRotation>(layer().kind, tensor_.target.shape, source_type_, parts);
    quality_.orthogonality_error = rotation_->orthogonality_error();
    if (!device_.is_cpu()) rotation_->move_to(device_);
    for (const Rotation& part : parts)
      quality_.largest_angle = worse(quality_.largest_angle, part.largest_angle());
  });
  return *rotation_;
}

at::Tensor TensorJob::read(std::int64_t first_row, std::int64_t rows,
                           std::vector<char>& buffer) const {
  if (tensor_.replacement.defined())
    return tensor_.replacement.reshape({rows_, row_elements_}).narrow(0, first_row, rows);
  const std::size_t row_bytes =
      static_cast<std::size_t>(row_elements_) * c10::elementSize(source_type_);
  buffer.resize(static_cast<std::size_t>(rows) * row_bytes);
  read_to(first_row, rows, buffer.data());
  return at::from_blob(buffer.data(), {rows, row_elements_},
                       at::TensorOptions().dtype(source_type_));
}

void TensorJob::read_to(std::int64_t first_row, std::int64_t rows, void* data) const {
  const std::size_t row_bytes =
      static_cast<std::size_t>(row_elements_) * c10::elementSize(source_type_);
  base_.files()[tensor_.source->file].read(*tensor_.source->entry,
                                           static_cast<std::uint64_t>(first_row) * row_bytes,
                                           static_cast<std::size_t>(rows) * row_bytes, data);
}

at::Tensor TensorJob::rotate_on_device(std::int64_t first_row, std::int64_t rows) {
  // Copies from and to pinned memory go by themselves, while other threads' pieces are rotated.
  const auto pinned = [&](at::ScalarType dtype) {
    return at::empty({rows, row_elements_}, at::TensorOptions().dtype(dtype).pinned_memory(true));
  };
  at::Tensor piece;
  if (tensor_.replacement.defined()) {
    piece = tensor_.replacement.reshape({rows_, row_elements_}).narrow(0, first_row, rows);
  } else {
    piece = pinned(source_type_);
    read_to(first_row, rows, piece.mutable_data_ptr());
  }
  at::Tensor moved = piece.to(device_);
  if (source_type_ == target_type_)
    rotation().run(first_row, moved, moved);
  else
    moved = rotation().rotate(first_row, moved).to(target_type_);
  return pinned(target_type_).copy_(moved);
}

}  // namespace oft
