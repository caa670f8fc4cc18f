#include "weight_change.hpp"

#include <ATen/TensorOperators.h>

#include "checkpoint_tensor.hpp"
#include "merge_plan.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"

namespace oft {

const Checkpoint& base_of_change(const Conversion& conversion, const AdapterLayer& layer) {
  return conversion.need_base(layer, "for the change of a weight depends on the weight");
}

std::optional<WeightChange> weight_change(Conversion& conversion, const AdapterLayer& layer) {
  const Checkpoint& base = base_of_change(conversion, layer);
  const Checkpoint::Location* location = base.find(layer.name + ".weight");
  if (location == nullptr) {
    conversion.leave_out(layer.name, missing_layers_text({layer.name}, 1, base));
    return std::nullopt;
  }
  WeightChange result;
  result.weight = read_tensor(base, *location);
  result.kind = layer_kind(conversion.adapter, layer, location->entry->shape.size());
  const at::Tensor exact = result.weight.to(at::kDouble);
  const std::vector<Rotation> rotations =
      conversion.adapter.rotations(layer, result.kind, exact.sizes());
  result.change = merge_weight(exact, result.kind, rotations).sub_(exact);
  if (!result.change.isfinite().all().item<bool>())
    throw Error(Status::kInvalidArgument,
                "layer '" + layer.name +
                    "': its merged weight is not finite; the base weight or the adapter is to "
                    "blame");
  conversion.add_row(layer, rotations);
  return result;
}

}  // namespace oft
