#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "oft/export.hpp"
#include "oft/rotation.hpp"
#include "oft/targets.hpp"

namespace oft {

/// The dimension that a weight of this kind and shape lets a rotation turn. On the input side d of
/// [out, d] for Linear, of [d, out] for Conv1D, in/groups * kernel for convolutions, of [rows, d]
/// for Embedding; on the output side `out`, which an Embedding has not.
/// Throws Error(kUnsupported) for a shape that the kind cannot have.
OFT_EXPORT std::int64_t rotated_features(LayerKind kind, at::IntArrayRef shape,
                                         Side side = Side::kInput);

/// The rotation of one layer's weight by one or several adapters, ready to run on any piece of it.
/// For rotations R1, R2 in the order of the forward a Linear becomes W R2^T R1^T where they turn
/// its input, x R1 R2 W^T, and R2 R1 W where they turn its output.
/// Computes in float32, in float64 for float64 weights; 16-bit results are rounded once.
/// Safe to share between threads.
class OFT_EXPORT WeightRotation {
 public:
  enum class Direction { kMerge, kUnmerge };

  /// `dtype`: that of the weight; float16, bfloat16, float32 or float64.
  /// Throws Error(kInvalidArgument) where a rotation does not fit the shape, Error(kUnsupported)
  /// for another dtype.
  WeightRotation(LayerKind kind, at::IntArrayRef shape, at::ScalarType dtype,
                 const std::vector<Rotation>& rotations, Direction direction = Direction::kMerge);

  /// A weight may be cut along its first dimension; each piece must be a multiple of this many
  /// rows: whole blocks of what turns that dimension, all rows where they share no such multiple.
  static std::int64_t row_granularity(LayerKind kind, at::IntArrayRef shape,
                                      const std::vector<Rotation>& rotations);

  std::int64_t rows() const { return rows_; }
  std::int64_t row_elements() const { return row_elements_; }

  /// Rotates rows [first_row, first_row + rows) of the weight: contiguous, of the dtype given to
  /// the constructor, in and out may be the same. Single-threaded.
  void run(std::int64_t first_row, std::int64_t rows, const void* in, void* out) const;

  /// Whether all of `count` elements of `dtype` are finite.
  static bool all_finite(const void* data, std::int64_t count, at::ScalarType dtype);

  /// `run` on a tensor [rows, row_elements()] of any device; the result is in the compute type.
  at::Tensor rotate(std::int64_t first_row, const at::Tensor& rows) const;

  /// The same in the weight's dtype to contiguous `out`, which may be `rows`.
  void run(std::int64_t first_row, const at::Tensor& rows, const at::Tensor& out) const;

  /// The largest ||R^T R - I||_F of its blocks, as they are computed here. NaN where one is NaN.
  double orthogonality_error() const;

  /// Keeps the matrices on a device, for rows there.
  void move_to(at::Device device);

  /// `run` on a whole contiguous CPU weight by several threads. Returns whether all results are
  /// finite; with `check` false, true unseen.
  bool run_all(const void* in, void* out, bool check) const;

 private:
  /// What a weight [rows, row elements] is multiplied by.
  struct Factor {
    enum class Kind { kRight, kLeft, kRowScale };
    Kind kind;
    at::Tensor values;       // blocks [n, b, b] or [1, b, b]; scales [rows, 1]
    std::int64_t first = 0;  // from the left: the rows that the blocks turn
    std::int64_t features = 0;
    std::int64_t butterfly = 0;
  };

  void add(LayerKind kind, at::IntArrayRef shape, const Rotation& rotation, Direction direction,
           std::vector<Factor>& inputs, std::vector<Factor>& outputs) const;
  /// Whether the kernels take the weight as it is, without a pass in the compute type.
  bool is_plain() const;
  /// A blocks factor on rows of `dtype`, which is that of the weight or the compute type.
  void apply(const Factor& factor, std::int64_t first_row, std::int64_t rows, const void* in,
             void* out, at::ScalarType dtype) const;
  at::Tensor apply(const Factor& factor, std::int64_t first_row, const at::Tensor& rows) const;

  std::vector<Factor> factors_;  // in the order of application
  at::ScalarType dtype_;
  at::ScalarType compute_;
  std::int64_t granularity_ = 1;
  std::int64_t rows_ = 0;
  std::int64_t row_elements_ = 0;
};

/// W' of a layer: a new contiguous tensor of the weight's dtype and device. With `safe`,
/// Error(kInvalidArgument) where a result is not finite after rounding.
OFT_EXPORT at::Tensor merge_weight(const at::Tensor& weight, LayerKind kind,
                                   const std::vector<Rotation>& rotations, bool safe = false);

/// The same over the weight itself, contiguous on any device: no second weight in memory, and no
/// new memory to be had from the system, which takes longer than a rotation with small blocks.
OFT_EXPORT void merge_weight_(const at::Tensor& weight, LayerKind kind,
                              const std::vector<Rotation>& rotations);

/// The weight that `merge_weight` was given, by the true inverse of each block.
OFT_EXPORT at::Tensor unmerge_weight(const at::Tensor& weight, LayerKind kind,
                                     const std::vector<Rotation>& rotations);

/// The same over the weight itself, contiguous on any device.
OFT_EXPORT void unmerge_weight_(const at::Tensor& weight, LayerKind kind,
                                const std::vector<Rotation>& rotations);

}  // namespace oft
