#include <ATen/TensorOperators.h>

#include <cmath>

#include "dtypes.hpp"
#include "foreign_layer.hpp"
#include "text.hpp"

namespace oft {

AdapterLayer read_onetrainer_layer(ForeignLayer& layer) {
  at::Tensor q = layer.take("oft_R.weight");
  if (!q.defined()) layer.refuse("has no 'oft_R.weight'; the file is incomplete");
  const std::int64_t b = q.dim() == 2 ? block_size_of(q.size(1)) : 0;
  if (b == 0 || q.size(0) == 0 || !is_rotatable(q.scalar_type()))
    layer.refuse("'oft_R.weight' of shape " + shape_text(q.sizes()) + " and type " +
                 torch_name(q.scalar_type()) +
                 "; expected [blocks, b(b-1)/2] of a floating-point type");
  if (layer.take_number("oft_R.scaled_oft").value_or(0) != 0 && b > 1) {
    const auto type = q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    q = q.to(type) / (2 * std::sqrt(static_cast<double>(b - 1)));
  }
  AdapterLayer read{.name = layer.name};
  read.factors.push_back({.q = std::move(q)});
  return read;
}

}  // namespace oft
