#include "rotate_blocks.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "kernels/rotate_blocks.h"

namespace oft {
namespace {

// Below this many multiplications another thread costs more than it saves.
constexpr std::int64_t kGrain = 1 << 17;

template <typename T>
void run_kernel(const void* x, void* y, std::int64_t rows, std::int64_t blocks,
                const at::Tensor& m) {
  using M = typename kernels::Accumulate<T>::type;
  const std::int64_t b = m.size(-1);
  kernels::rotate_blocks(
      kernels::RotateBlocks<T>{static_cast<const T*>(x), blocks * b, static_cast<T*>(y), blocks * b,
                               m.const_data_ptr<M>(), rows, blocks, b, m.size(0) == 1});
}

}  // namespace

void rotate_rows(const void* x, void* y, std::int64_t rows, std::int64_t blocks,
                 const at::Tensor& m, at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return run_kernel<double>(x, y, rows, blocks, m);
    case at::kHalf:
      return run_kernel<kernels::Half>(x, y, rows, blocks, m);
    case at::kBFloat16:
      return run_kernel<kernels::BFloat16>(x, y, rows, blocks, m);
    default:
      return run_kernel<float>(x, y, rows, blocks, m);
  }
}

at::Tensor rotate_blocks(const at::Tensor& x, const at::Tensor& m) {
  if (!x.is_cpu()) return rotate_blocks_aten(x, m);
  const at::Tensor source = x.contiguous();
  const at::Tensor matrices = m.contiguous();
  at::Tensor y = at::empty_like(source);
  const std::int64_t features = source.size(-1);
  if (source.numel() == 0) return y;
  const std::int64_t blocks = features / m.size(-1);
  const auto row_bytes = static_cast<std::size_t>(features) * source.element_size();
  const auto* from = static_cast<const char*>(source.const_data_ptr());
  auto* to = static_cast<char*>(y.mutable_data_ptr());
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / (features * m.size(-1)));
  at::parallel_for(0, source.numel() / features, grain, [&](std::int64_t begin, std::int64_t end) {
    const auto offset = static_cast<std::size_t>(begin) * row_bytes;
    rotate_rows(from + offset, to + offset, end - begin, blocks, matrices, source.scalar_type());
  });
  return y;
}

at::Tensor rotate_blocks_aten(const at::Tensor& x, const at::Tensor& m) {
  const std::int64_t b = m.size(-1);
  // [blocks, rows, b] x [blocks or 1, b, b]
  const at::Tensor split = x.reshape({-1, x.size(-1) / b, b}).to(m.scalar_type()).transpose(0, 1);
  return at::matmul(split, m).transpose(0, 1).reshape(x.sizes()).to(x.scalar_type());
}

}  // namespace oft
