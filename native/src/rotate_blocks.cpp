#include "rotate_blocks.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstddef>

#include "block_grain.hpp"
#include "device_kernels.hpp"
#include "kernels/rotate_blocks.h"
#include "kernels/rotate_blocks_backward.h"
#include "kernels/rotate_blocks_left.h"
#include "recycled_memory.hpp"

namespace oft {
namespace {

// Rows that the kernels take together.
constexpr std::int64_t kTileRows = 8;

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

template <typename T>
const auto* factors(const at::Tensor& m) {
  return m.const_data_ptr<typename kernels::Accumulate<T>::type>();
}

at::Tensor blocks_of(const at::Tensor& x, const at::Tensor& m) {  // [blocks, rows, b]
  const std::int64_t b = m.size(-1);
  return x.reshape({-1, x.size(-1) / b, b}).to(m.scalar_type()).transpose(0, 1);
}

}  // namespace

void rotate_rows(const void* x, void* y, std::int64_t rows, std::int64_t columns,
                 const at::Tensor& m, at::ScalarType dtype) {
  const std::int64_t b = m.size(-1);
  with_element(dtype, [&]<typename T>(T) {
    kernels::rotate_blocks(kernels::RotateBlocks<T>{
        .x = static_cast<const T*>(x),
        .x_stride = columns,
        .y = static_cast<T*>(y),
        .y_stride = columns,
        .m = factors<T>(m),
        .rows = rows,
        .blocks = columns / b,
        .b = b,
        .shared = m.size(0) == 1,
    });
  });
}

at::Tensor rotate_blocks(const at::Tensor& x, const at::Tensor& m) {
  if (const auto* fused = rotate_kernels(x, m.size(-1))) return fused->rotate_blocks(x, m);
  if (!x.is_cpu()) return rotate_blocks_aten(x, m);
  const at::Tensor source = x.contiguous();
  const at::Tensor matrices = m.contiguous();
  at::Tensor y = empty_recycled(source.sizes(), source.scalar_type());
  if (source.numel() == 0) return y;
  const std::int64_t columns = source.size(-1);
  const std::int64_t rows = source.numel() / columns;
  const std::int64_t b = matrices.size(-1);
  const bool shared = matrices.size(0) == 1;
  with_element(source.scalar_type(), [&]<typename T>(T) {
    const kernels::RotateBlocks<T> whole{
        .x = static_cast<const T*>(source.const_data_ptr()),
        .x_stride = columns,
        .y = static_cast<T*>(y.mutable_data_ptr()),
        .y_stride = columns,
        .m = factors<T>(matrices),
        .rows = rows,
        .blocks = columns / b,
        .b = b,
        .shared = shared,
    };
    // Each thread meets all matrices where rows are split up: that pays for many rows only.
    if (rows >= 2 * kTileRows * at::get_num_threads()) {
      const std::int64_t tiles = (rows + kTileRows - 1) / kTileRows;
      at::parallel_for(0, tiles, block_grain(kTileRows * columns * b),
                       [&](std::int64_t begin, std::int64_t end) {
                         auto part = whole;
                         part.x += begin * kTileRows * columns;
                         part.y += begin * kTileRows * columns;
                         part.rows = std::min(end * kTileRows, rows) - begin * kTileRows;
                         kernels::rotate_blocks(part);
                       });
    } else {
      at::parallel_for(0, whole.blocks, block_grain(rows * b * b),
                       [&](std::int64_t begin, std::int64_t end) {
                         auto part = whole;
                         part.x += begin * b;
                         part.y += begin * b;
                         part.m += shared ? 0 : begin * b * b;
                         part.blocks = end - begin;
                         kernels::rotate_blocks(part);
                       });
    }
  });
  return y;
}

at::Tensor rotate_blocks_aten(const at::Tensor& x, const at::Tensor& m) {
  // [blocks, rows, b] x [blocks or 1, b, b]
  return at::matmul(blocks_of(x, m), m).transpose(0, 1).reshape(x.sizes()).to(x.scalar_type());
}

at::Tensor rotate_blocks_backward(const at::Tensor& x, const at::Tensor& y_grad,
                                  const at::Tensor& m) {
  const std::int64_t b = m.size(-1);
  const bool shared = m.size(0) == 1;
  if (const auto* fused = rotate_kernels(x, b)) return fused->rotate_blocks_backward(x, y_grad, m);
  if (!x.is_cpu()) {
    const at::Tensor products = at::bmm(blocks_of(x, m).transpose(1, 2), blocks_of(y_grad, m));
    return shared ? products.sum(0, /*keepdim=*/true) : products;
  }
  if (x.numel() == 0) return at::zeros_like(m);
  const at::Tensor left = x.contiguous();
  const at::Tensor right = y_grad.contiguous();
  at::Tensor m_grad = at::empty_like(m, at::MemoryFormat::Contiguous);
  const std::int64_t columns = left.size(-1);
  const std::int64_t rows = left.numel() / columns;
  const std::int64_t blocks = columns / b;
  with_element(left.scalar_type(), [&]<typename T>(T) {
    using M = typename kernels::Accumulate<T>::type;
    const kernels::RotateBlocksBackward<T> whole{
        .x = static_cast<const T*>(left.const_data_ptr()),
        .x_stride = columns,
        .y_grad = static_cast<const T*>(right.const_data_ptr()),
        .y_grad_stride = columns,
        .m_grad = m_grad.mutable_data_ptr<M>(),
        .rows = rows,
        .blocks = blocks,
        .b = b,
        .first = 0,
        .last = b,
        .shared = shared,
    };
    if (!shared && blocks >= at::get_num_threads()) {
      at::parallel_for(0, blocks, block_grain(rows * b * b),
                       [&](std::int64_t begin, std::int64_t end) {
                         auto part = whole;
                         part.x += begin * b;
                         part.y_grad += begin * b;
                         part.m_grad += begin * b * b;
                         part.blocks = end - begin;
                         kernels::rotate_blocks_backward(part);
                       });
    } else {
      at::parallel_for(0, b, block_grain(rows * columns),
                       [&](std::int64_t begin, std::int64_t end) {
                         auto part = whole;
                         part.first = begin;
                         part.last = end;
                         kernels::rotate_blocks_backward(part);
                       });
    }
  });
  return m_grad;
}

void rotate_rows_left(const void* x, void* y, std::int64_t first_row, std::int64_t rows,
                      std::int64_t columns, const at::Tensor& m, at::ScalarType dtype) {
  const std::int64_t b = m.size(-1);
  const bool shared = m.size(0) == 1;
  with_element(dtype, [&]<typename T>(T) {
    kernels::rotate_blocks_left(kernels::RotateBlocksLeft<T>{
        .x = static_cast<const T*>(x),
        .x_stride = columns,
        .y = static_cast<T*>(y),
        .y_stride = columns,
        .m = factors<T>(m) + (shared ? 0 : first_row * b),
        .columns = columns,
        .blocks = rows / b,
        .b = b,
        .shared = shared,
    });
  });
}

at::Tensor rotate_blocks_left(const at::Tensor& x, const at::Tensor& m) {
  const std::int64_t b = m.size(-1);
  if (!x.is_cpu()) {
    const at::Tensor split = x.reshape({-1, b, x.size(1)}).to(m.scalar_type());
    return at::matmul(m, split).reshape(x.sizes()).to(x.scalar_type());
  }
  const at::Tensor source = x.contiguous();
  const at::Tensor matrices = m.contiguous();
  at::Tensor y = at::empty_like(source);
  const std::int64_t columns = source.size(1);
  const auto block_bytes = static_cast<std::size_t>(b * columns) * source.element_size();
  const auto* from = static_cast<const char*>(source.const_data_ptr());
  auto* to = static_cast<char*>(y.mutable_data_ptr());
  at::parallel_for(0, source.size(0) / b, block_grain(b * b * columns),
                   [&](std::int64_t begin, std::int64_t end) {
                     const std::size_t offset = static_cast<std::size_t>(begin) * block_bytes;
                     rotate_rows_left(from + offset, to + offset, begin * b, (end - begin) * b,
                                      columns, matrices, source.scalar_type());
                   });
  return y;
}

}  // namespace oft
