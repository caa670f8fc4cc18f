#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_inv_ex.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "foreign_layer.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// Q of R = (I + Q)(I - Q)^-1 for rotations [n, b, b] in float64, as far as `tolerance` lets R
/// depart from one, in the Frobenius norm of a block.
at::Tensor inverse_cayley(const ForeignLayer& layer, const at::Tensor& rotations,
                          double tolerance) {
  const at::Tensor identity = at::eye(rotations.size(-1), rotations.options());
  std::vector<at::Tensor> blocks;
  for (const at::Tensor& r : rotations.unbind()) {
    const double error = (r.t().matmul(r) - identity).norm().item<double>();
    if (!(error <= tolerance))
      layer.refuse("its 'oft_diag' is no rotation, ||R^T R - I|| of a block is " +
                   number_text(error) +
                   ": LyCORIS wrote it without a constraint, or with a rescaling in it, before it "
                   "had 'oft_blocks'");
    const auto [inverse, info] = at::linalg_inv_ex(r + identity);
    if (info.item<int>() != 0 || !inverse.isfinite().all().item<bool>())
      layer.refuse(
          "its 'oft_diag' turns a plane by 180 degrees, which no Q of the Cayley form does");
    const at::Tensor q = (r - identity).matmul(inverse);
    blocks.push_back((q - q.t()) / 2);
  }
  return at::stack(blocks);
}

/// Rounding of each element to the stored type moves R^T R of a block by this much at most.
double rotation_tolerance(at::ScalarType stored, std::int64_t block_size) {
  const double epsilon = stored == at::kBFloat16 ? 0x1p-7 : stored == at::kHalf ? 0x1p-10 : 0x1p-23;
  return 1e-4 + 2 * epsilon * std::sqrt(static_cast<double>(block_size));
}

at::Tensor take_skew(ForeignLayer& layer, std::int64_t dims, std::int64_t outputs) {
  if (layer.has("oft_blocks")) {
    const at::Tensor blocks = layer.take_blocks("oft_blocks", dims);
    at::Tensor skew = blocks - blocks.transpose(-1, -2);
    const double limit = layer.take_number("alpha").value_or(0) * static_cast<double>(outputs);
    const double norm = skew.norm().item<double>() + 1e-8;
    return limit > 0 && norm > limit ? skew * (limit / norm) : skew;
  }
  const at::ScalarType stored = layer.tensors.at("oft_diag").scalar_type();
  const at::Tensor rotations = layer.take_blocks("oft_diag", dims);
  const std::int64_t b = rotations.size(-1);
  return inverse_cayley(layer, rotations.reshape({-1, b, b}), rotation_tolerance(stored, b))
      .reshape(rotations.sizes());
}

at::Tensor take_row_scale(ForeignLayer& layer, std::int64_t outputs) {
  at::Tensor scale = layer.take("rescale");
  if (!scale.defined()) return scale;
  if (scale.dim() == 0 || scale.size(0) != outputs || scale.numel() != outputs ||
      !scale.is_floating_point())
    layer.refuse("'rescale' of shape " + shape_text(scale.sizes()) + "; expected [" +
                 std::to_string(outputs) +
                 ", 1, ..]. LyCORIS of before 2024-02-18 rescaled inside of the rotation, which "
                 "cannot be read");
  return scale;
}

}  // namespace

AdapterLayer read_lycoris_layer(ForeignLayer& layer) {
  const bool has_blocks = layer.has("oft_blocks");
  if (!has_blocks && !layer.has("oft_diag"))
    layer.refuse("has neither 'oft_blocks' nor 'oft_diag'; the file is incomplete");
  const at::Tensor& stored = layer.tensors.at(has_blocks ? "oft_blocks" : "oft_diag");
  const std::int64_t dims = stored.dim() == 4 ? 4 : 3;
  const std::int64_t outputs = stored.dim() == dims ? stored.size(-3) * stored.size(-1) : 0;
  const at::Tensor skew = take_skew(layer, dims, outputs);

  AdapterLayer read{.name = layer.name, .side = Side::kOutput};
  if (dims == 3) {
    read.factors.push_back({.q = parameters_of(skew)});
  } else {
    const std::int64_t b = skew.size(-1);
    if (b % 2 != 0)
      layer.refuse("butterflies of blocks of " + std::to_string(b) + ", an odd number, cannot be");
    for (std::int64_t stage = 0; stage < skew.size(0); ++stage) {
      const std::int64_t distance = (std::int64_t{1} << std::min<std::int64_t>(stage, 32)) * b / 2;
      if (outputs % (2 * distance) != 0)
        layer.refuse("its butterfly stage " + std::to_string(stage) + " needs a multiple of " +
                     std::to_string(2 * distance) + " outputs, it has " + std::to_string(outputs));
      read.factors.push_back({.q = parameters_of(-skew[stage]), .butterfly = distance});
    }
  }
  read.row_scale = take_row_scale(layer, outputs);
  return read;
}

}  // namespace oft
