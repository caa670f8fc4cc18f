#include "kernels/skew.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/triu_indices.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "block_grain.hpp"
#include "kernels/coft.h"
#include "oft/rotation.hpp"

namespace oft {
namespace {

/// Whether a kernel may stand in for libtorch's operators, which autograd can follow.
bool runs_on_kernels(const at::Tensor& tensor) {
  const bool recorded = c10::GradMode::is_enabled() && tensor.requires_grad();
  return tensor.is_cpu() && !recorded &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble);
}

/// Calls kernel(from, to, rows) on ranges of the rows of `source`, float or double, and of
/// `target`.
template <typename Kernel>
void by_rows(const at::Tensor& source, const at::Tensor& target, Kernel kernel) {
  const std::int64_t rows = source.size(0);
  const at::Tensor contiguous = source.contiguous();
  const std::int64_t from_step = source.numel() / std::max<std::int64_t>(rows, 1);
  const std::int64_t to_step = target.numel() / std::max<std::int64_t>(rows, 1);
  const auto run = [&](const auto* from, auto* to) {
    at::parallel_for(0, rows, block_grain(std::max(from_step, to_step)),
                     [&](std::int64_t begin, std::int64_t end) {
                       kernel(from + begin * from_step, to + begin * to_step, end - begin);
                     });
  };
  if (source.scalar_type() == at::kDouble)
    run(contiguous.const_data_ptr<double>(), target.mutable_data_ptr<double>());
  else
    run(contiguous.const_data_ptr<float>(), target.mutable_data_ptr<float>());
}

}  // namespace

at::Tensor skew_from_upper(const at::Tensor& q, std::int64_t block_size) {
  const std::int64_t b = block_size;
  if (runs_on_kernels(q)) {
    at::Tensor skew = at::empty({q.size(0), b, b}, q.options());
    by_rows(q, skew, [b](const auto* from, auto* to, std::int64_t rows) {
      kernels::unpack_skew(from, to, rows, b);
    });
    return skew;
  }
  const at::Tensor index = at::triu_indices(b, b, 1, q.options().dtype(at::kLong));
  at::Tensor skew = at::zeros({q.size(0), b, b}, q.options());
  skew.flatten(1).index_copy_(1, index[0] * b + index[1], q);
  return skew - skew.transpose(1, 2);
}

std::int64_t block_size_of(std::int64_t parameters) {
  const auto b = static_cast<std::int64_t>(
      std::llround((1.0 + std::sqrt(1.0 + 8.0 * static_cast<double>(parameters))) / 2.0));
  return b * (b - 1) / 2 == parameters ? b : 0;
}

at::Tensor upper_from_skew(const at::Tensor& skew) {
  const std::int64_t b = skew.size(-1);
  if (runs_on_kernels(skew)) {
    at::Tensor q = at::empty({skew.size(0), b * (b - 1) / 2}, skew.options());
    by_rows(skew, q, [b](const auto* from, auto* to, std::int64_t rows) {
      kernels::pack_upper(from, to, rows, b);
    });
    return q;
  }
  const at::Tensor index = at::triu_indices(b, b, 1, skew.options().dtype(at::kLong));
  return skew.flatten(1).index_select(1, index[0] * b + index[1]);
}

at::Tensor project_coft(const at::Tensor& q, double eps) {
  // PEFT holds the limit in float32 whatever the parameter's type, as 1/sqrt(rows) times eps.
  const float limit = (1.0f / std::sqrt(static_cast<float>(q.size(0)))) * static_cast<float>(eps);
  if (runs_on_kernels(q)) {
    at::Tensor projected = at::empty(q.sizes(), q.options());
    const std::int64_t parameters = q.size(1);
    by_rows(q, projected, [=]<typename T>(const T* from, T* to, std::int64_t rows) {
      kernels::project_coft(from, to, rows, parameters, static_cast<T>(limit));
    });
    return projected;
  }
  const at::Tensor norm = q.norm(2, {1}, /*keepdim=*/true) * std::sqrt(2.0);
  return at::where(norm <= static_cast<double>(limit), q, q / norm * static_cast<double>(limit));
}

}  // namespace oft
