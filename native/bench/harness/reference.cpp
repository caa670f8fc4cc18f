#include "reference.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/triu_indices.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

namespace oft::bench {

at::Tensor reference_rotation(const at::Tensor& q, std::int64_t b, const RotationSpec& spec) {
  const at::Tensor values = q.to(at::kDouble);
  const at::Tensor places = at::triu_indices(b, b, 1);
  const at::Tensor upper = at::zeros({q.size(0), b * b}, values.options())
                               .index_copy(1, places[0] * b + places[1], values)
                               .view({-1, b, b});
  const at::Tensor skew = upper - upper.transpose(1, 2);
  const at::Tensor identity = at::eye(b, values.options()).expand_as(skew);
  if (spec.formula == Formula::kCayley) {
    // One by one: MKL can be wrong on batches of large matrices, see peers/peft_peer.py.
    std::vector<at::Tensor> blocks;
    for (std::int64_t k = 0; k < q.size(0); ++k)
      blocks.push_back(at::linalg_solve(identity[k] + skew[k], identity[k] - skew[k], false));
    return at::stack(blocks);
  }
  const at::Tensor square = at::bmm(skew, skew);
  return identity + 2 * skew + 2 * square + 2 * at::bmm(square, skew) + at::bmm(square, square);
}

at::Tensor reference_rotate(const at::Tensor& x, const at::Tensor& r) {
  const at::Tensor blocks =
      x.to(at::kDouble).view({x.size(0), r.size(0), r.size(1)}).transpose(0, 1);
  return at::bmm(blocks, r.to(at::kDouble)).transpose(0, 1).reshape(x.sizes());
}

at::Tensor sample_parameters(std::int64_t n, std::int64_t b) {
  return at::randn({n, b * (b - 1) / 2}) * (0.2 / std::sqrt(static_cast<double>(b)));
}

}  // namespace oft::bench
