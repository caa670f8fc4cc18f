#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace oft {

/// Throws Error(kInvalidState) for the result of a recorded operation, Error(kInvalidArgument)
/// where `on` and the dtype has no gradients.
void set_requires_grad(const at::Tensor& tensor, bool on);

/// Adds the gradients of a recorded result to the leaves that it was made from.
/// `gradient` is that of the result; undefined where the result is one number.
/// Throws Error(kInvalidState) where nothing was recorded, or the record can be used no more.
void backward(const at::Tensor& result, const at::Tensor& gradient, bool retain_graph);

/// The gradient that a tensor has collected; undefined where there is none.
at::Tensor gradient_of(const at::Tensor& tensor);

/// Scales gradients to a common 2-norm of at most `max_norm`, as torch.nn.utils.clip_grad_norm_
/// does, and returns the norm before. Throws Error(kInvalidArgument), with the gradients as they
/// were, where it is not finite.
double clip_gradients(const std::vector<at::Tensor>& tensors, double max_norm);

}  // namespace oft
