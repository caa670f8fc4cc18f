#include "foreign_layer.hpp"

#include <cmath>

#include "dtypes.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {

at::Tensor ForeignLayer::take(const std::string& key) {
  auto node = tensors.extract(key);
  return node ? std::move(node.mapped()) : at::Tensor();
}

std::optional<double> ForeignLayer::take_number(const std::string& key) {
  const at::Tensor tensor = take(key);
  if (!tensor.defined()) return std::nullopt;
  const double value =
      tensor.numel() == 1 && !tensor.is_complex() ? tensor.item<double>() : std::nan("");
  if (std::isnan(value))
    refuse("'" + key + "' of shape " + shape_text(tensor.sizes()) + " is not a number");
  return value;
}

at::Tensor ForeignLayer::take_blocks(const std::string& key, std::int64_t dims) {
  const at::Tensor blocks = take(key);
  if (blocks.dim() != dims || !is_rotatable(blocks.scalar_type()) || blocks.numel() == 0 ||
      blocks.size(-1) != blocks.size(-2))
    refuse("'" + key + "' of shape " + shape_text(blocks.sizes()) + " and type " +
           torch_name(blocks.scalar_type()) + "; expected " +
           (dims == 4 ? "[stages, blocks, b, b]" : "[blocks, b, b]") + " of a floating-point type");
  return blocks.to(at::kDouble);
}

void ForeignLayer::refuse(const std::string& reason) const {
  throw Error(Status::kInvalidArgument, "layer '" + name + "': " + reason);
}

at::Tensor parameters_of(const at::Tensor& skew) { return upper_from_skew(skew).to(at::kFloat); }

}  // namespace oft
