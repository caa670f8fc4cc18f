#include "butterfly.hpp"

namespace oft {
namespace {

at::Tensor reorder(const at::Tensor& x, std::int64_t dim, std::int64_t first, std::int64_t second) {
  const std::int64_t at = dim < 0 ? dim + x.dim() : dim;
  return x.unflatten(at, {-1, first, second})
      .transpose(at + 1, at + 2)
      .reshape(x.sizes())
      .contiguous();
}

}  // namespace

at::Tensor to_butterfly(const at::Tensor& x, std::int64_t dim, std::int64_t distance) {
  return reorder(x, dim, 2, distance);
}

at::Tensor from_butterfly(const at::Tensor& x, std::int64_t dim, std::int64_t distance) {
  return reorder(x, dim, distance, 2);
}

}  // namespace oft
