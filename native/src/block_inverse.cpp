#include "block_inverse.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_inv_ex.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "block_grain.hpp"
#include "kernels/invert_blocks.h"
#include "oft/error.hpp"

namespace oft {
namespace {

/// One block alone: the LU of a batch of large matrices, as MKL does it on several threads, is
/// wrong.
void invert_by_lu(const at::Tensor& r, const at::Tensor& inverse, std::int64_t k) {
  const auto [result, info] = at::linalg_inv_ex(r[k]);
  if (info.item<int>() != 0 || !result.isfinite().all().item<bool>())
    throw Error(Status::kInvalidArgument,
                "rotation block " + std::to_string(k) +
                    " is singular, so the merge cannot be undone; restore the base weight from a "
                    "copy");
  inverse[k].copy_(result);
}

/// The residuals |R R^-1 - I|_F.
std::vector<double> run_kernel(const at::Tensor& r, const at::Tensor& inverse) {
  const std::int64_t b = r.size(1);
  std::vector<double> residuals(static_cast<std::size_t>(r.size(0)));
  const double* from = r.const_data_ptr<double>();
  double* to = inverse.mutable_data_ptr<double>();
  at::parallel_for(0, r.size(0), block_grain(2 * b * b * b),
                   [&](std::int64_t begin, std::int64_t end) {
                     kernels::invert_blocks(from + begin * b * b, to + begin * b * b,
                                            residuals.data() + begin, end - begin, b);
                   });
  return residuals;
}

}  // namespace

at::Tensor invert_blocks(const at::Tensor& r) {
  const at::Tensor source = r.contiguous();
  at::Tensor inverse = at::empty_like(source);
  if (!r.is_cpu()) {
    for (std::int64_t k = 0; k < r.size(0); ++k) invert_by_lu(source, inverse, k);
    return inverse;
  }
  // Some roundings of each element's b terms.
  const double exact = 64 * std::numeric_limits<double>::epsilon() * static_cast<double>(r.size(1));
  const std::vector<double> residuals = run_kernel(source, inverse);
  for (std::int64_t k = 0; k < r.size(0); ++k)
    if (!(residuals[static_cast<std::size_t>(k)] <= exact)) invert_by_lu(source, inverse, k);
  return inverse;
}

}  // namespace oft
