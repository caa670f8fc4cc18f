#include <ATen/TensorOperators.h>

#include <algorithm>
#include <string>

#include "foreign_layer.hpp"

namespace oft {
namespace {

AdapterFactor take_factor(ForeignLayer& layer, const std::string& key, double alpha,
                          std::int64_t first_feature) {
  const at::Tensor blocks = layer.take_blocks(key, 3);
  const at::Tensor skew = blocks - blocks.transpose(1, 2);
  const double norm = skew.norm().item<double>();
  const double limit = alpha * static_cast<double>(blocks.size(0) * blocks.size(1));
  const double scale = (std::min(norm, limit) + 1e-8) / (norm + 1e-8);
  return {.q = parameters_of(skew * scale), .first_feature = first_feature};
}

}  // namespace

AdapterLayer read_kohya_layer(ForeignLayer& layer) {
  const auto alpha = layer.take_number("alpha");
  if (!alpha || *alpha < 0)
    layer.refuse(alpha ? "'alpha' is negative, but limits a norm"
                       : "has no 'alpha', which limits its rotation; the file is incomplete");
  AdapterLayer read{.name = layer.name, .side = Side::kOutput};
  if (layer.has("oft_blocks")) {
    read.factors.push_back(take_factor(layer, "oft_blocks", *alpha, 0));
    return read;
  }
  std::int64_t first_feature = 0;
  for (std::string key = "oft_blocks.0"; layer.has(key);
       key = "oft_blocks." + std::to_string(read.factors.size())) {
    const at::IntArrayRef shape = layer.tensors.at(key).sizes();
    const std::int64_t outputs = shape.size() == 3 ? shape[0] * shape[1] : 0;
    read.factors.push_back(take_factor(layer, key, *alpha, first_feature));
    first_feature += outputs;
  }
  if (read.factors.empty())
    layer.refuse("has no 'oft_blocks' and no 'oft_blocks.0'; the file is incomplete");
  if (!layer.tensors.empty() && layer.tensors.begin()->first.starts_with("oft_blocks"))
    layer.refuse("has '" + layer.tensors.begin()->first + "', but no 'oft_blocks." +
                 std::to_string(read.factors.size()) + "'; the file is incomplete");
  return read;
}

}  // namespace oft
