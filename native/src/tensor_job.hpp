#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "merge_plan.hpp"
#include "oft/merge.hpp"
#include "oft/safetensors.hpp"

namespace oft {

/// How far the rotations of a layer turn, and how close to orthogonal they are: the worst of all.
/// NaN is worse than any number.
struct RotationQuality {
  double orthogonality_error = 0;
  double largest_angle = 0;

  void include(const RotationQuality& other);
};

/// One tensor on its way from the base to the target, shared by the threads that hold pieces of it.
class TensorJob {
 public:
  TensorJob(const MergePlan& plan, const Checkpoint& base, const PlannedTensor& tensor,
            SafetensorsWriter& writer, std::size_t index, at::Device device);

  /// Nothing about the bytes changes.
  bool is_copy() const;
  bool is_rotated() const { return tensor_.layer != PlannedTensor::kNoLayer; }
  std::size_t layer_index() const { return tensor_.layer; }
  std::uint64_t bytes() const { return writer_.entries()[index_].bytes(); }
  std::int64_t rows() const { return rows_; }
  /// How many rows make a piece.
  std::int64_t piece_rows() const;

  /// Computes the rotation and its quality; `transform` would do so otherwise.
  void prepare() { rotation(); }
  void copy(std::uint64_t offset, std::uint64_t size);
  void transform(std::int64_t first_row, std::int64_t rows, bool safe, std::vector<char>& buffer);

  void expect_pieces(std::int64_t count) { remaining_ = count; }
  /// Lets go of the rotation once the last piece is done.
  void finish_piece();

  /// Known once the rotation is.
  const RotationQuality& quality() const { return quality_; }

 private:
  const PlannedLayer& layer() const { return plan_.layers[tensor_.layer]; }
  std::vector<Rotation> rotations() const;
  const WeightRotation& rotation();
  at::Tensor read(std::int64_t first_row, std::int64_t rows, std::vector<char>& buffer) const;
  void read_to(std::int64_t first_row, std::int64_t rows, void* data) const;
  at::Tensor rotate_on_device(std::int64_t first_row, std::int64_t rows);

  const MergePlan& plan_;
  const Checkpoint& base_;
  const PlannedTensor& tensor_;
  SafetensorsWriter& writer_;
  std::size_t index_;
  at::Device device_;
  at::ScalarType source_type_;
  at::ScalarType target_type_;
  std::int64_t rows_ = 0;
  std::int64_t row_elements_ = 0;
  std::once_flag prepared_;
  std::unique_ptr<WeightRotation> rotation_;
  RotationQuality quality_;
  std::atomic<std::int64_t> remaining_{0};
};

}  // namespace oft
