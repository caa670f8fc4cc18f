#include "cayley_backward.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "block_grain.hpp"
#include "cayley.hpp"
#include "device_kernels.hpp"
#include "kernels/cayley_backward.h"

namespace oft {
namespace {

/// From dL/dQ, elements taken as independent, to the parameters: each stands above the diagonal
/// and, with its sign turned, below.
at::Tensor parameter_gradient(const at::Tensor& skew_grad) {
  return upper_from_skew(skew_grad - skew_grad.transpose(1, 2));
}

at::Tensor exact_backward_aten(const at::Tensor& r, const at::Tensor& grad) {
  // With A = (I + Q)^-1 = (R + I) / 2: dL/dQ = -2 A^T (dL/dR) A^T.
  const at::Tensor twice = (r + at::eye(r.size(-1), r.options())).transpose(1, 2);
  return parameter_gradient(at::bmm(at::bmm(twice, grad), twice)).mul_(-0.5);
}

/// R = c[0] I + c[1] Q + c[2] Q^2 + ...
at::Tensor series_backward_aten(const at::Tensor& q, const at::Tensor& grad,
                                const std::vector<double>& c) {
  const std::size_t degree = c.size() - 1;
  if (degree == 0) return at::zeros_like(q);

  // Horner in P = Q^2, which takes half the products of Horner in Q:
  //   R = H[0],  H[j] = c[2j] I + c[2j+1] Q + P H[j+1], the last with c[2j+2] P.
  // In reverse, from dH[0] = dR:  dQ += c[2j+1] dH[j],  dP += dH[j] H[j+1]^T,  dH[j+1] = P^T dH[j],
  // and at last dQ += dP Q^T + Q^T dP, where P^T = P and Q^T = -Q.
  const std::size_t last = (degree - 1) / 2;
  const double last_square = degree % 2 == 0 ? c[degree] : 0.0;
  const at::Tensor skew = skew_from_upper(q, grad.size(-1));
  const at::Tensor square = last > 0 ? at::bmm(skew, skew) : at::Tensor();
  const at::Tensor identity = at::eye(grad.size(-1), q.options());

  std::vector<at::Tensor> h(last + 1);
  for (std::size_t j = last; j > 0; --j) {
    h[j] = identity * c[2 * j] + skew * c[2 * j + 1];
    if (j < last)
      h[j].baddbmm_(square, h[j + 1]);
    else
      h[j].add_(square, last_square);
  }

  at::Tensor h_grad = grad;
  at::Tensor skew_grad = at::zeros_like(skew);
  at::Tensor square_grad = at::zeros_like(skew);
  for (std::size_t j = 0; j <= last; ++j) {
    if (j > 0) h_grad = at::bmm(square, h_grad);
    skew_grad.add_(h_grad, c[2 * j + 1]);
    if (j < last)
      square_grad.baddbmm_(h_grad, h[j + 1].transpose(1, 2));
    else
      square_grad.add_(h_grad, last_square);
  }
  // Of dP Q + Q dP only what is antisymmetric counts: that of (dP + dP^T) Q.
  return parameter_gradient(
      skew_grad.baddbmm_(square_grad + square_grad.transpose(1, 2), skew, 1, -1));
}

/// Runs `backward(input, grad, q_grad, begin, end)`, a kernel over blocks, on libtorch's threads.
template <typename T, typename Backward>
at::Tensor by_blocks(const at::Tensor& input, const at::Tensor& grad, std::int64_t products,
                     Backward backward) {
  const std::int64_t n = grad.size(0);
  const std::int64_t b = grad.size(-1);
  const std::int64_t parameters = b * (b - 1) / 2;
  const std::int64_t size = input.numel() / std::max<std::int64_t>(n, 1);
  at::Tensor result = at::empty({n, parameters}, grad.options());
  const at::Tensor inputs = input.contiguous();
  const at::Tensor grads = grad.contiguous();
  const T* from = inputs.const_data_ptr<T>();
  const T* r_grad = grads.const_data_ptr<T>();
  T* q_grad = result.mutable_data_ptr<T>();
  at::parallel_for(0, n, block_grain(products * b * b * b),
                   [&](std::int64_t begin, std::int64_t end) {
                     backward(from + begin * size, r_grad + begin * b * b,
                              q_grad + begin * parameters, end - begin, b);
                   });
  return result;
}

template <typename T>
at::Tensor exact_backward(const at::Tensor& r, const at::Tensor& grad) {
  return by_blocks<T>(
      r, grad, 2,
      [](const T* from, const T* r_grad, T* q_grad, std::int64_t blocks, std::int64_t b) {
        kernels::cayley_backward(from, r_grad, q_grad, blocks, b);
      });
}

template <typename T>
at::Tensor series_backward(const at::Tensor& q, const at::Tensor& grad, const RotationSpec& spec) {
  return by_blocks<T>(
      q, grad, spec.terms,
      [&spec](const T* from, const T* r_grad, T* q_grad, std::int64_t blocks, std::int64_t b) {
        kernels::cayley_neumann_backward(from, r_grad, q_grad, blocks, b, spec.terms,
                                         spec.formula == Formula::kCayleyNeumannLegacy);
      });
}

}  // namespace

at::Tensor cayley_exact_backward(const at::Tensor& r, const at::Tensor& grad) {
  if (const auto* fused = cayley_kernels(grad, grad.size(-1)))
    return fused->cayley_exact_backward(r, grad);
  if (!grad.is_cpu()) return exact_backward_aten(r, grad);
  return grad.scalar_type() == at::kDouble ? exact_backward<double>(r, grad)
                                           : exact_backward<float>(r, grad);
}

at::Tensor cayley_series_backward(const at::Tensor& q, const at::Tensor& grad,
                                  const RotationSpec& spec) {
  if (const auto* fused = cayley_kernels(grad, grad.size(-1)))
    return fused->cayley_series_backward(q, grad, spec);
  if (!grad.is_cpu()) return series_backward_aten(q, grad, neumann_coefficients(spec));
  return grad.scalar_type() == at::kDouble ? series_backward<double>(q, grad, spec)
                                           : series_backward<float>(q, grad, spec);
}

}  // namespace oft
