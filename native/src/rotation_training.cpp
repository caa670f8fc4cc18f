#include "rotation_training.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace oft {

at::Tensor straight_through(const at::Tensor& q, const at::Tensor& projected) {
  return q.requires_grad() ? projected.detach() + (q - q.detach()) : projected.detach();
}

at::Tensor dropped_blocks(std::int64_t rows, double p) {
  at::Tensor dropped = at::zeros({rows}, at::kBool);
  const auto count = static_cast<std::int64_t>(p * static_cast<double>(rows));
  if (rows > 1 && count > 0)
    dropped.index_fill_(0, at::randperm(rows, at::kLong).narrow(0, 0, count), 1);
  return dropped;
}

at::Tensor without_blocks(const at::Tensor& r, const at::Tensor& dropped) {
  return at::where(dropped.to(r.device()).view({-1, 1, 1}), at::eye(r.size(-1), r.options()), r);
}

}  // namespace oft
