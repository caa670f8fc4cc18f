#include "kernels/cuda/rotate_blocks_cuda.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include "cuda/cuda_kernels.hpp"
#include "cuda/launching.hpp"

namespace oft::cuda {
namespace {

/// Calls `work` with the kernels' element type of that name.
template <typename Work>
void with_element(at::ScalarType dtype, const Work& work) {
  switch (dtype) {
    case at::kDouble:
      return work(double{});
    case at::kHalf:
      return work(kernels::Half{});
    case at::kBFloat16:
      return work(kernels::BFloat16{});
    default:
      return work(float{});
  }
}

void rotate_blocks_to(const at::Tensor& x, const at::Tensor& m, const at::Tensor& y) {
  const Launching launching("rotate_blocks", x);
  launching.require_here(m);
  launching.require_here(y);
  const at::Tensor source = x.contiguous();
  const at::Tensor matrices = m.contiguous();
  if (source.numel() == 0) return;
  const std::int64_t columns = source.size(-1);
  const std::int64_t b = matrices.size(-1);
  with_element(source.scalar_type(), [&]<typename T>(T) {
    using M = typename kernels::Accumulate<T>::type;
    launching.check(kernels::rotate_blocks_cuda(
        kernels::RotateBlocks<T>{
            .x = static_cast<const T*>(source.const_data_ptr()),
            .x_stride = columns,
            .y = static_cast<T*>(y.mutable_data_ptr()),
            .y_stride = columns,
            .m = matrices.const_data_ptr<M>(),
            .rows = source.numel() / columns,
            .blocks = columns / b,
            .b = b,
            .shared = matrices.size(0) == 1,
        },
        launching.stream()));
  });
}

at::Tensor rotate_blocks(const at::Tensor& x, const at::Tensor& m) {
  const at::Tensor source = x.contiguous();
  at::Tensor y = at::empty_like(source);
  rotate_blocks_to(source, m, y);
  return y;
}

at::Tensor rotate_blocks_backward(const at::Tensor& x, const at::Tensor& y_grad,
                                  const at::Tensor& m) {
  const Launching launching("rotate_blocks_backward", x);
  launching.require_here(y_grad);
  launching.require_here(m);
  if (x.numel() == 0) return at::zeros_like(m);
  const at::Tensor left = x.contiguous();
  const at::Tensor right = y_grad.contiguous();
  at::Tensor m_grad = at::empty_like(m, at::MemoryFormat::Contiguous);
  const std::int64_t columns = left.size(-1);
  const std::int64_t rows = left.numel() / columns;
  const std::int64_t b = m.size(-1);
  at::Tensor partials =
      at::empty({kernels::rotate_blocks_partials(rows, columns / b, b)}, m.options());
  with_element(left.scalar_type(), [&]<typename T>(T) {
    using M = typename kernels::Accumulate<T>::type;
    launching.check(kernels::rotate_blocks_backward_cuda(
        kernels::RotateBlocksBackwardCuda<T>{
            .x = static_cast<const T*>(left.const_data_ptr()),
            .x_stride = columns,
            .y_grad = static_cast<const T*>(right.const_data_ptr()),
            .y_grad_stride = columns,
            .m_grad = m_grad.mutable_data_ptr<M>(),
            .partials = partials.mutable_data_ptr<M>(),
            .rows = rows,
            .blocks = columns / b,
            .b = b,
            .shared = m.size(0) == 1,
        },
        launching.stream()));
  });
  return m_grad;
}

}  // namespace

const RotateKernels* rotate_kernels(std::int64_t block_size) {
  static constexpr RotateKernels table{rotate_blocks, rotate_blocks_to, rotate_blocks_backward};
  return block_size <= kernels::kRotateMaxBlockCuda ? &table : nullptr;
}

}  // namespace oft::cuda
