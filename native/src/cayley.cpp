#include "cayley.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <vector>

#include "block_grain.hpp"
#include "device_kernels.hpp"
#include "kernels/cayley.h"

namespace oft {
namespace {

template <typename T>
void run_kernel(const at::Tensor& q, at::Tensor& r, std::int64_t b, const RotationSpec& spec) {
  const T* source = q.const_data_ptr<T>();
  T* target = r.mutable_data_ptr<T>();
  const std::int64_t parameters = q.size(1);
  at::parallel_for(0, q.size(0), block_grain(b * b * b), [&](std::int64_t begin, std::int64_t end) {
    const T* from = source + begin * parameters;
    T* to = target + begin * b * b;
    if (spec.formula == Formula::kCayley)
      kernels::cayley(from, to, end - begin, b);
    else
      kernels::cayley_neumann(from, to, end - begin, b, spec.terms,
                              spec.formula == Formula::kCayleyNeumannLegacy);
  });
}

}  // namespace

at::Tensor cayley(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec) {
  if (const auto* fused = cayley_kernels(q, block_size)) return fused->cayley(q, block_size, spec);
  if (!q.is_cpu()) return cayley_aten(q, block_size, spec);
  at::Tensor r = at::empty({q.size(0), block_size, block_size}, q.options());
  const at::Tensor contiguous = q.contiguous();
  if (q.scalar_type() == at::kDouble)
    run_kernel<double>(contiguous, r, block_size, spec);
  else
    run_kernel<float>(contiguous, r, block_size, spec);
  return r;
}

std::vector<double> neumann_coefficients(const RotationSpec& spec) {
  const bool legacy = spec.formula == Formula::kCayleyNeumannLegacy;
  // PEFT >= 0.18 never ends before the cube: three terms are four.
  const std::int64_t terms = !legacy && spec.terms == 3 ? 4 : std::max<std::int64_t>(spec.terms, 1);
  std::vector<double> coefficients(static_cast<std::size_t>(terms), 2.0);
  coefficients.front() = 1;
  if (!legacy && terms > 2) coefficients.back() = 1;
  return coefficients;
}

std::complex<double> turn(double theta, const RotationSpec& spec) {
  using namespace std::complex_literals;
  const std::complex<double> q = 1i * theta;
  if (spec.formula == Formula::kCayley) return (1.0 - q) / (1.0 + q);
  std::complex<double> sum = 0;
  std::complex<double> power = 1;
  for (const double coefficient : neumann_coefficients(spec)) {
    sum += coefficient * power;
    power *= q;
  }
  return sum;
}

at::Tensor cayley_aten(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec) {
  const at::Tensor skew = skew_from_upper(q, block_size);
  const at::Tensor identity = at::eye(block_size, q.options());
  if (spec.formula == Formula::kCayley) {
    if (!q.is_cpu()) return at::linalg_solve(identity + skew, identity - skew, /*left=*/false);
    // One by one: the LU of a batch of large matrices, as MKL does it on several threads, is wrong.
    std::vector<at::Tensor> blocks;
    for (const at::Tensor& block : skew.unbind())
      blocks.push_back(at::linalg_solve(identity + block, identity - block, /*left=*/false));
    return at::stack(blocks);
  }

  const std::vector<double> c = neumann_coefficients(spec);
  at::Tensor r = identity.expand_as(skew) * c.back();
  for (std::size_t k = c.size() - 1; k-- > 0;) r = at::bmm(skew, r).add_(identity, c[k]);
  return r;
}

}  // namespace oft
