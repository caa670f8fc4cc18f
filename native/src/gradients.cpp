#include "gradients.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/variable.h>

#include <cmath>
#include <string>

#include "dtypes.hpp"
#include "oft/error.hpp"
#include "text.hpp"
#include "torch_error.hpp"

namespace oft {

void set_requires_grad(const at::Tensor& tensor, bool on) {
  if (!tensor.is_leaf())
    throw Error(Status::kInvalidState,
                "a tensor that a recorded operation made requires gradients as its operands do; "
                "set it on those, or record nothing");
  if (on && !torch::autograd::isDifferentiableType(tensor.scalar_type()))
    throw Error(Status::kInvalidArgument, "a tensor of " + torch_name(tensor.scalar_type()) +
                                              " has no gradients; convert it to a floating type");
  tensor.set_requires_grad(on);
}

void backward(const at::Tensor& result, const at::Tensor& gradient, bool retain_graph) {
  if (!result.requires_grad())
    throw Error(Status::kInvalidState,
                "backward: nothing was recorded for this tensor; let an operand require gradients, "
                "and record them in the call that makes it");
  if (!gradient.defined() && result.numel() != 1)
    throw Error(Status::kInvalidArgument, "backward: the result has shape " +
                                              shape_text(result.sizes()) +
                                              "; reduce it to one number, or give its gradient");
  if (gradient.defined() && gradient.sizes() != result.sizes())
    throw Error(Status::kInvalidArgument, "backward: the gradient has shape " +
                                              shape_text(gradient.sizes()) + ", the result " +
                                              shape_text(result.sizes()));
  try {
    result.backward(gradient, retain_graph);
  } catch (const c10::Error& error) {
    // What fails here without being at fault itself: the record was used up, or a tensor in it was
    // overwritten since.
    const Status status = torch_status(error);
    throw Error(status == Status::kInvalidArgument ? Status::kInvalidState : status,
                "backward: " + torch_message(error));
  }
}

at::Tensor gradient_of(const at::Tensor& tensor) {
  // Asking others makes libtorch print a warning.
  return tensor.is_leaf() || tensor.retains_grad() ? tensor.grad() : at::Tensor();
}

double clip_gradients(const std::vector<at::Tensor>& tensors, double max_norm) {
  if (!(max_norm >= 0))
    throw Error(Status::kInvalidArgument,
                "max_norm is " + number_text(max_norm) + "; it must be 0 or more");
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> norms;
  for (const at::Tensor& tensor : tensors) {
    if (const at::Tensor gradient = gradient_of(tensor); gradient.defined()) {
      gradients.push_back(gradient.detach());
      norms.push_back(at::linalg_vector_norm(gradients.back()).cpu().to(at::kDouble));
    }
  }
  if (norms.empty()) return 0;
  const double norm = at::linalg_vector_norm(at::stack(norms)).item<double>();
  if (!std::isfinite(norm))
    throw Error(Status::kInvalidArgument, "the norm of the gradients is " + number_text(norm) +
                                              "; lower the learning rate or skip this step");
  constexpr double kEps = 1e-6;
  if (const double factor = max_norm / (norm + kEps); factor < 1)
    for (const at::Tensor& gradient : gradients) gradient.mul_(factor);
  return norm;
}

}  // namespace oft
