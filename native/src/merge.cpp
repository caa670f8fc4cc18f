#include "oft/merge.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>

#include <string>

#include "dtypes.hpp"
#include "huge_pages.hpp"
#include "oft/error.hpp"
#include "weight_text.hpp"

namespace oft {
namespace {

/// True where no element has the exponent of infinity and NaN, all ones: adding its lowest bit to
/// that one carries into the sign's place.
template <typename Bits>
bool exponents_are_finite(const void* data, std::int64_t count, Bits exponent) {
  constexpr std::int64_t kStep = 256;  // known, for the compiler to make vectors of
  const auto* bits = static_cast<const Bits*>(data);
  const Bits lowest = exponent & -exponent;
  Bits sums = 0;
  std::int64_t i = 0;
  for (; i + kStep <= count; i += kStep)
    for (std::int64_t j = 0; j < kStep; ++j) sums |= (bits[i + j] & exponent) + lowest;
  for (; i < count; ++i) sums |= (bits[i] & exponent) + lowest;
  return (sums & (exponent + lowest)) == 0;
}

}  // namespace

std::int64_t rotated_features(LayerKind kind, at::IntArrayRef shape, Side side) {
  const auto expect = [&](std::size_t dims) {
    if (shape.size() != dims)
      throw Error(Status::kUnsupported,
                  weight_text(kind, shape) + ": expected " + std::to_string(dims) + " dimensions");
  };
  const bool input = side == Side::kInput;
  switch (kind) {
    case LayerKind::kLinear:
      expect(2);
      return shape[input ? 1 : 0];
    case LayerKind::kEmbedding:
      expect(2);
      if (input) return shape[1];
      throw Error(Status::kUnsupported, weight_text(kind, shape) +
                                            ": an embedding has no output to turn; its rows are "
                                            "rotated on the input side");
    case LayerKind::kConv1D:
      expect(2);
      return shape[input ? 0 : 1];
    case LayerKind::kConv1d:
      expect(3);
      return input ? shape[1] * shape[2] : shape[0];
    case LayerKind::kConv2d:
      expect(4);
      return input ? shape[1] * shape[2] * shape[3] : shape[0];
    case LayerKind::kOther:
      break;
  }
  throw Error(Status::kUnsupported, weight_text(kind, shape) + " cannot be rotated");
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
    throw Error(Status::kInvalidArgument, weight_text(kind, weight.sizes()) +
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
