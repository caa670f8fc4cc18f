#include "kernels/cuda/cayley_cuda.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include "cuda/cuda_kernels.hpp"
#include "cuda/launching.hpp"

namespace oft::cuda {
namespace {

bool is_legacy(const RotationSpec& spec) { return spec.formula == Formula::kCayleyNeumannLegacy; }

at::Tensor cayley(const at::Tensor& q, std::int64_t b, const RotationSpec& spec) {
  const Launching launching("cayley", q);
  const at::Tensor parameters = q.contiguous();
  const std::int64_t blocks = q.size(0);
  at::Tensor r = at::empty({blocks, b, b}, q.options());
  if (blocks == 0) return r;
  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "cayley", [&] {
    const auto* from = parameters.const_data_ptr<scalar_t>();
    auto* to = r.mutable_data_ptr<scalar_t>();
    launching.check(spec.formula == Formula::kCayley
                        ? kernels::cayley_cuda(from, to, blocks, b, launching.stream())
                        : kernels::cayley_neumann_cuda(from, to, blocks, b, spec.terms,
                                                       is_legacy(spec), launching.stream()));
  });
  return r;
}

at::Tensor empty_gradient(const at::Tensor& r_grad) {
  const std::int64_t b = r_grad.size(-1);
  return at::empty({r_grad.size(0), b * (b - 1) / 2}, r_grad.options());
}

at::Tensor cayley_exact_backward(const at::Tensor& r, const at::Tensor& grad) {
  const Launching launching("cayley_backward", r);
  launching.require_here(grad);
  const at::Tensor rotation = r.contiguous();
  const at::Tensor r_grad = grad.contiguous();
  at::Tensor q_grad = empty_gradient(r_grad);
  if (q_grad.numel() == 0) return q_grad;
  AT_DISPATCH_FLOATING_TYPES(r.scalar_type(), "cayley_backward", [&] {
    launching.check(kernels::cayley_backward_cuda(
        rotation.const_data_ptr<scalar_t>(), r_grad.const_data_ptr<scalar_t>(),
        q_grad.mutable_data_ptr<scalar_t>(), r.size(0), r.size(-1), launching.stream()));
  });
  return q_grad;
}

at::Tensor cayley_series_backward(const at::Tensor& q, const at::Tensor& grad,
                                  const RotationSpec& spec) {
  const Launching launching("cayley_neumann_backward", q);
  launching.require_here(grad);
  const at::Tensor parameters = q.contiguous();
  const at::Tensor r_grad = grad.contiguous();
  at::Tensor q_grad = empty_gradient(r_grad);
  if (q_grad.numel() == 0) return q_grad;
  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "cayley_neumann_backward", [&] {
    launching.check(kernels::cayley_neumann_backward_cuda(
        parameters.const_data_ptr<scalar_t>(), r_grad.const_data_ptr<scalar_t>(),
        q_grad.mutable_data_ptr<scalar_t>(), grad.size(0), grad.size(-1), spec.terms,
        is_legacy(spec), launching.stream()));
  });
  return q_grad;
}

}  // namespace

const CayleyKernels* cayley_kernels(std::int64_t block_size) {
  static constexpr CayleyKernels table{cayley, cayley_exact_backward, cayley_series_backward};
  return block_size <= kernels::kCayleyMaxBlockCuda ? &table : nullptr;
}

}  // namespace oft::cuda
