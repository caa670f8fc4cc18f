#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "dtypes.hpp"
#include "oft/error.hpp"
#include "oft/functional.hpp"
#include "oft/nn.hpp"
#include "oft/rotation.hpp"
#include "rotation_training.hpp"
#include "text.hpp"

namespace oft::nn {

OFTLinearImpl::OFTLinearImpl(const torch::nn::Linear& base, const OFTConfig& config)
    : weight(base->weight), bias(base->bias), config_(config) {
  config.validate();
  if (!is_rotatable(weight.scalar_type()))
    throw Error(Status::kInvalidArgument,
                "OFTLinear: a weight of " + torch_name(weight.scalar_type()) +
                    " cannot be rotated; only float16, bfloat16, float32 and float64 can");
  block_size_ = resolve_block_size(config, weight.size(1));
  OFTLinearImpl::reset();
}

void OFTLinearImpl::reset() {
  // New handles: `clone` gives them data of their own.
  weight = register_buffer("weight", weight.detach());
  if (bias.defined()) bias = register_buffer("bias", bias.detach());
  const std::int64_t rows = config_.block_share ? 1 : weight.size(1) / block_size_;
  const std::vector<std::int64_t> shape{rows, block_size_ * (block_size_ - 1) / 2};
  const auto options =
      weight.options().dtype(weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  oft_R = register_parameter(
      "oft_R", config_.init_weights ? at::zeros(shape, options) : at::randn(shape, options) * 0.1);
}

at::Tensor OFTLinearImpl::matrices() const {
  const RotationSpec spec = rotation_spec(config_);
  at::Tensor q = oft_R.to(weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  if (spec.coft_eps) q = straight_through(q, project_coft(q.detach(), *spec.coft_eps));
  return functional::cayley(q, block_size_, spec);
}

at::Tensor OFTLinearImpl::forward(const at::Tensor& x) {
  // As in PEFT, training moves the parameters themselves into the radius.
  if (is_training() && config_.coft) oft_R.set_data(project_coft(oft_R.detach(), config_.eps));
  at::Tensor r = matrices();
  if (is_training() && config_.module_dropout > 0)
    r = without_blocks(r, dropped_blocks(r.size(0), config_.module_dropout));
  return functional::linear(functional::rotate(x, {r}), weight, bias);
}

at::Tensor OFTLinearImpl::merged_weight() const {
  const at::NoGradGuard no_grad;
  return functional::rotate(weight, {matrices().transpose(1, 2)});
}

}  // namespace oft::nn
