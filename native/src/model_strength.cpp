#include "model_strength.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstring>

#include "oft/error.hpp"

namespace oft {
namespace {

/// Cheaper than at::equal, whose threads have to be woken, and sees NaN.
bool equal_bits(const at::Tensor& a, const at::Tensor& b) {
  if (!a.is_cpu() || !a.is_contiguous() || !b.is_contiguous() || a.sizes() != b.sizes())
    return a.equal(b);
  return std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

/// Each rotation R in the place of R^strength, of the exact formula whatever it was.
AdapterParameters scale(const AdapterParameters& own, double strength) {
  auto plan = std::make_shared<AdapterPlan>(*own.plan);
  if (strength == 0) {  // not I, which would turn infinities into NaN
    plan->layers.clear();
    plan->flats.clear();
    return {.plan = std::move(plan)};
  }
  plan->spec.formula = Formula::kCayley;
  plan->spec.coft_eps.reset();
  AdapterParameters scaled{.plan = std::move(plan)};
  for (const at::Tensor& flat : own.flats) scaled.flats.push_back(at::zeros_like(flat));
  for (std::size_t i = 0; i < own.plan->layers.size(); ++i) {
    const ModelLayer& layer = own.plan->layers[i];
    try {
      const Rotation power = own.rotation(i).power(strength);
      scaled.layer_q(layer).copy_(power.q());
      scaled.row_scales.push_back(power.row_scale());
    } catch (const Error& error) {
      throw Error(error.status(), "layer '" + layer.name + "': " + error.what());
    }
  }
  return scaled;
}

}  // namespace

AdapterParameters AdapterSnapshot::at_strength() {
  if (strength == 1) return parameters;
  if (scaled == nullptr || scaled->stamp != stamp || !have_same_bits(scaled->values, watched)) {
    ScaledParameters fresh{.stamp = stamp, .parameters = scale(parameters, strength)};
    for (const at::Tensor& tensor : watched) fresh.values.push_back(tensor.clone());
    scaled = std::make_shared<const ScaledParameters>(std::move(fresh));
  }
  AdapterParameters result = scaled->parameters;
  result.replaced = parameters.replaced;
  return result;
}

bool have_same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::ranges::equal(a, b, equal_bits);
}

}  // namespace oft
