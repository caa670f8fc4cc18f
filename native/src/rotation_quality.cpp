#include "rotation_quality.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "block_grain.hpp"
#include "kernels/orthogonality.h"
#include "kernels/skew_norm.h"

namespace oft {
namespace {

/// The largest of what `kernel(first, count, values)` finds for the blocks; NaN where one is NaN.
template <typename Kernel>
double largest_of_blocks(std::int64_t blocks, std::int64_t multiplications, Kernel kernel) {
  std::vector<double> values(static_cast<std::size_t>(blocks));
  at::parallel_for(0, blocks, block_grain(multiplications),
                   [&](std::int64_t begin, std::int64_t end) {
                     kernel(begin, end - begin, values.data() + begin);
                   });
  double largest = 0;
  for (const double value : values) {
    if (std::isnan(value)) return value;
    largest = std::max(largest, value);
  }
  return largest;
}

template <typename T>
double worst_orthogonality_of(const at::Tensor& r) {
  const T* data = r.const_data_ptr<T>();
  const std::int64_t b = r.size(1);
  return largest_of_blocks(r.size(0), b * b * b,
                           [=](std::int64_t first, std::int64_t count, double* errors) {
                             kernels::orthogonality_errors(data + first * b * b, errors, count, b);
                           });
}

template <typename T>
double largest_singular_value_of(const at::Tensor& q, std::int64_t b) {
  const T* data = q.const_data_ptr<T>();
  const std::int64_t parameters = q.size(1);
  return largest_of_blocks(q.size(0), b * b * b,
                           [=](std::int64_t first, std::int64_t count, double* norms) {
                             kernels::skew_norms(data + first * parameters, norms, count, b);
                           });
}

}  // namespace

double worst_orthogonality(const at::Tensor& r) {
  const at::Tensor here = r.cpu().contiguous();
  return r.scalar_type() == at::kDouble ? worst_orthogonality_of<double>(here)
                                        : worst_orthogonality_of<float>(here);
}

double largest_singular_value(const at::Tensor& q, std::int64_t block_size) {
  const at::Tensor here = q.cpu().contiguous();
  return q.scalar_type() == at::kDouble
             ? largest_singular_value_of<double>(here, block_size)
             : largest_singular_value_of<float>(here.to(at::kFloat), block_size);
}

}  // namespace oft
