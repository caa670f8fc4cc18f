#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "adapter_tensors.hpp"
#include "conversion.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

[[noreturn]] void refuse(const AdapterLayer& layer, const std::string& reason) {
  throw Error(Status::kUnsupported, "layer '" + layer.name + "': " + reason);
}

/// q of the exact formula and within no limit.
at::Tensor exact_parameters(const Rotation& rotation) {
  const RotationSpec& spec = rotation.spec();
  return rotation.is_orthogonal() && !spec.coft_eps ? rotation.q() : rotation.power(1).q();
}

/// q of one rotation for what several turn, range after range.
at::Tensor joined_parameters(const AdapterLayer& layer, const std::vector<Rotation>& rotations) {
  std::vector<at::Tensor> parts;
  std::int64_t end = 0;
  for (const Rotation& rotation : rotations) {
    if (rotation.block_size() != rotations.front().block_size() ||
        rotation.spec().first_feature != end)
      refuse(layer, "it is fused from parts with blocks of " +
                        std::to_string(rotations.front().block_size()) + " and of " +
                        std::to_string(rotation.block_size()) +
                        ", and diag-oft has one block size a layer; merge the adapter, or convert "
                        "it to 'lora' or 'full' with its base");
    end += rotation.features();
    parts.push_back(exact_parameters(rotation));
  }
  return at::cat(parts);
}

/// Whether the stages are those that LyCORIS makes of blocks of b: distances b/2, b, 2b, ...
bool is_lycoris_butterfly(const std::vector<Rotation>& rotations) {
  std::int64_t distance = rotations.front().block_size() / 2;
  for (const Rotation& rotation : rotations) {
    if (rotation.spec().butterfly != distance) return false;
    distance *= 2;
  }
  return true;
}

/// LyCORIS stores B, of which Q = B - B^T counts; it keeps B skew-symmetric, B = Q/2. diag-oft
/// turns by (I - Q)(I + Q)^-1 as we do, BOFT the other way.
at::Tensor stored_blocks(const AdapterLayer& layer, const std::vector<Rotation>& rotations) {
  const std::int64_t b = rotations.front().block_size();
  if (rotations.front().spec().butterfly == 0)
    return skew_from_upper(joined_parameters(layer, rotations), b) * 0.5;
  if (!is_lycoris_butterfly(rotations))
    refuse(layer, "its butterflies are not those of LyCORIS' BOFT");
  std::vector<at::Tensor> stages;
  for (const Rotation& rotation : rotations)
    stages.push_back(skew_from_upper(exact_parameters(rotation), b) * -0.5);
  return at::stack(stages);
}

/// What LyCORIS reads back from stored blocks.
std::vector<at::Tensor> parameters_read(const at::Tensor& blocks) {
  const at::Tensor q = blocks - blocks.transpose(-1, -2);
  if (blocks.dim() == 3) return {upper_from_skew(q)};
  std::vector<at::Tensor> stages;
  for (const at::Tensor& stage : q.unbind()) stages.push_back(upper_from_skew(-stage));
  return stages;
}

/// The worst difference of what was read and what is written. A fused layer's parts lie one after
/// another in the one rotation that is written.
double worst_error(const std::vector<Rotation>& rotations, const at::Tensor& blocks) {
  const std::vector<at::Tensor> stored = parameters_read(blocks.to(at::kDouble));
  double worst = 0;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < rotations.size(); ++i) {
    const std::int64_t rows = rotations[i].q().size(0);
    const at::Tensor q = blocks.dim() == 4 ? stored[i] : stored.front().narrow(0, row, rows);
    row += rows;
    worst =
        std::max(worst, worst_difference(Rotation(q, rotations[i].features(), {}), rotations[i]));
  }
  return worst;
}

/// LyCORIS derives the shape of its parameters from the block size, and never makes diag-oft's
/// blocks larger than their number.
void require_readable(Conversion& conversion, const AdapterLayer& layer, const at::Tensor& blocks) {
  if (blocks.dim() == 4 || blocks.size(1) <= blocks.size(0)) return;
  conversion.leave_out(
      layer.name, "LyCORIS itself cannot load " + std::to_string(blocks.size(0)) + " blocks of " +
                      std::to_string(blocks.size(1)) +
                      ", for it makes blocks no larger than their number; other programs can");
}

at::Tensor stored_scale(const Conversion& conversion, const AdapterLayer& layer) {
  const Checkpoint* base = conversion.bases.of(layer);
  if (layer.row_scale.dim() > 1 || base == nullptr) return layer.row_scale;
  const Checkpoint::Location* location = base->find(layer.name + ".weight");
  if (location == nullptr) return layer.row_scale;
  std::vector<std::int64_t> shape(location->entry->shape.size(), 1);
  shape.front() = layer.row_scale.size(0);
  return layer.row_scale.reshape(shape);
}

}  // namespace

void convert_to_lycoris(Conversion& conversion) {
  const AdapterFile& adapter = conversion.adapter;
  if (conversion.options.formula.value_or(Formula::kCayley) != Formula::kCayley)
    throw Error(Status::kUnsupported, "LyCORIS has the exact Cayley formula only");
  std::map<std::string, at::Tensor> tensors;
  for (const AdapterLayer& layer : adapter.layers) {
    if (layer.side == Side::kInput)
      refuse(layer, adapter.maker() +
                        " turns inputs, and LyCORIS outputs only: R W is no W R'^T; merge the "
                        "adapter, or convert it to 'lora' or 'full' with its base");
    if (!layer.is_finite())
      throw Error(Status::kInvalidArgument,
                  "layer '" + layer.name + "': its parameters hold NaN or infinity");
    const std::vector<Rotation> rotations = conversion.rotations(layer);
    const at::ScalarType dtype =
        conversion.options.dtype.value_or(layer.factors.front().q.scalar_type());
    const at::Tensor blocks = stored_blocks(layer, rotations).to(dtype).contiguous();
    require_readable(conversion, layer, blocks);
    const std::string name = flat_name(conversion, layer);
    const bool is_new = tensors.emplace(name + ".oft_blocks", blocks).second;
    if (!is_new)
      refuse(layer, "another layer has the name '" + name + "' too, once dots are underscores");
    tensors[name + ".alpha"] = at::zeros({}, blocks.options().dtype(at::kFloat));
    if (layer.row_scale.defined())
      tensors[name + ".rescale"] = stored_scale(conversion, layer).to(dtype).contiguous();
    conversion.add_row(layer, rotations).error = worst_error(rotations, blocks);
  }
  for (const auto& [name, tensor] : adapter.replacements)
    conversion.leave_out(name, "a file of LyCORIS' OFT has no place for parameters of the base");
  conversion.report.formula = Formula::kCayley;
  write_adapter_tensors(conversion.target, tensors, conversion.options.sync);
  conversion.report.files.push_back(conversion.target);
}

}  // namespace oft
