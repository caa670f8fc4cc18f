#include <algorithm>
#include <cstdint>

#include "elements.cuh"
#include "launch.cuh"
#include "rotate_blocks_cuda.h"
#include "tensor_cores.cuh"

namespace oft::kernels {
namespace {

constexpr int kSide = 16;
constexpr int kThreads = kSide * kSide;
constexpr int kWarps = kThreads / 32;

/// Rows are summed up in `splits` parts of `part` each, apart from one another, and the parts then
/// in their order. Partial sums are [splits, blocks, width, width].
struct Split {
  std::int64_t splits;
  std::int64_t part;
  int width;

  Split(std::int64_t rows, std::int64_t blocks, std::int64_t b)
      : width(b <= 16   ? 16
              : b <= 32 ? 32
              : b <= 64 ? 64
                        : 128) {
    constexpr std::int64_t enough_thread_blocks = 512;
    constexpr std::int64_t least_rows = 64;
    const std::int64_t most = std::max<std::int64_t>(1, rows / least_rows);
    splits = std::clamp<std::int64_t>(enough_thread_blocks / blocks, 1, most);
    part = (rows + splits - 1) / splits;
  }
};

/// What a thread block sums up.
struct Place {
  std::int64_t block;
  std::int64_t begin;
  std::int64_t end;

  __device__ Place(std::int64_t rows, std::int64_t blocks, const Split& split)
      : block(blockIdx.x % blocks),
        begin(blockIdx.x / blocks * split.part),
        end(begin + split.part < rows ? begin + split.part : rows) {}
};

/// Thread (x, y) sums up elements [y + 16 u, x + 16 v]; b <= 16 N.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(RotateBlocksBackwardCuda<T> work, Split split) {
  __shared__ T x[kSide][kSide * N];
  __shared__ T y[kSide][kSide * N];
  const Place place(work.rows, work.blocks, split);
  const int b = static_cast<int>(work.b);
  T sum[N][N] = {};
  for (std::int64_t first = place.begin; first < place.end; first += kSide) {
    const std::int64_t row = first + threadIdx.y;
#pragma unroll
    for (int v = 0; v < N; ++v) {
      const int column = threadIdx.x + kSide * v;
      const bool inside = row < place.end && column < b;
      const std::int64_t at = place.block * b + column;
      x[threadIdx.y][column] = inside ? work.x[row * work.x_stride + at] : T(0);
      y[threadIdx.y][column] = inside ? work.y_grad[row * work.y_grad_stride + at] : T(0);
    }
    __syncthreads();
    for (int i = 0; i < kSide; ++i) {
      T left[N];
      T right[N];
#pragma unroll
      for (int u = 0; u < N; ++u) left[u] = x[i][threadIdx.y + kSide * u];
#pragma unroll
      for (int v = 0; v < N; ++v) right[v] = y[i][threadIdx.x + kSide * v];
#pragma unroll
      for (int u = 0; u < N; ++u) {
#pragma unroll
        for (int v = 0; v < N; ++v) sum[u][v] += left[u] * right[v];
      }
    }
    __syncthreads();
  }
  T* const partial = work.partials + blockIdx.x * static_cast<std::int64_t>(kSide * N * kSide * N);
#pragma unroll
  for (int u = 0; u < N; ++u) {
#pragma unroll
    for (int v = 0; v < N; ++v)
      partial[(threadIdx.y + kSide * u) * kSide * N + threadIdx.x + kSide * v] = sum[u][v];
  }
}

/// Each warp sums up every eighth of N x N tiles of 16 x 16; b <= 16 N.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads)
    backward_tensor_kernel(RotateBlocksBackwardCuda<T> work, Split split) {
  constexpr int depth = 32;
  constexpr int width = 16 * N;
  constexpr int stride = width + 8;  // see rotate_blocks.cu
  constexpr int tiles = (N * N + kWarps - 1) / kWarps;
  __shared__ __align__(128) float x[depth * stride];
  __shared__ __align__(128) float y[depth * stride];
  const Place place(work.rows, work.blocks, split);
  const int b = static_cast<int>(work.b);
  const int warp = threadIdx.x / 32;
  SumFragment sum[tiles];
#pragma unroll
  for (int n = 0; n < tiles; ++n) wmma::fill_fragment(sum[n], 0.0f);
  for (std::int64_t first = place.begin; first < place.end; first += depth) {
    for (int e = threadIdx.x; e < depth * width; e += kThreads) {
      const std::int64_t row = first + e / width;
      const int column = e % width;
      const bool inside = row < place.end && column < b;
      const std::int64_t at = place.block * b + column;
      x[e / width * stride + column] = inside ? widen(work.x[row * work.x_stride + at]) : 0;
      y[e / width * stride + column] =
          inside ? widen(work.y_grad[row * work.y_grad_stride + at]) : 0;
    }
    __syncthreads();
    for (int i = 0; i < depth; i += 8) {
#pragma unroll
      for (int n = 0; n < tiles; ++n) {
        const int tile = warp + kWarps * n;
        if (tile >= N * N) continue;
        LeftFragment<wmma::col_major> left;  // x transposed
        RightFragment right;
        wmma::load_matrix_sync(left, x + i * stride + tile / N * 16, stride);
        wmma::load_matrix_sync(right, y + i * stride + tile % N * 16, stride);
        round_to_tf32(left);
        round_to_tf32(right);
        wmma::mma_sync(sum[n], left, right, sum[n]);
      }
    }
    __syncthreads();
  }
  float* const partial = work.partials + blockIdx.x * static_cast<std::int64_t>(width * width);
#pragma unroll
  for (int n = 0; n < tiles; ++n) {
    const int tile = warp + kWarps * n;
    if (tile >= N * N) continue;
    wmma::store_matrix_sync(partial + tile / N * 16 * width + tile % N * 16, sum[n], width,
                            wmma::mem_row_major);
  }
}

/// One thread an element of m_grad.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    add_partials_kernel(RotateBlocksBackwardCuda<T> work, Split split) {
  const std::int64_t b = work.b;
  const std::int64_t index = blockIdx.x * static_cast<std::int64_t>(kThreads) + threadIdx.x;
  if (index >= (work.shared ? 1 : work.blocks) * b * b) return;
  const std::int64_t step = static_cast<std::int64_t>(split.width) * split.width;
  const typename RotateBlocksBackwardCuda<T>::M* partial =
      work.partials + index / (b * b) * step + index / b % b * split.width + index % b;
  typename RotateBlocksBackwardCuda<T>::M sum = 0;
  if (work.shared) {
    for (std::int64_t n = 0; n < split.splits * work.blocks; ++n) sum += partial[n * step];
  } else {
    for (std::int64_t n = 0; n < split.splits; ++n) sum += partial[n * work.blocks * step];
  }
  work.m_grad[index] = sum;
}

template <typename T, int N>
cudaError_t run(const RotateBlocksBackwardCuda<T>& work, const Split& split, cudaStream_t stream) {
  if constexpr (sizeof(T) == 2)
    return launch(backward_tensor_kernel<T, N>, split.splits * work.blocks, dim3(kThreads), 0,
                  stream, work, split);
  else
    return launch(backward_kernel<T, N>, split.splits * work.blocks, dim3(kSide, kSide), 0, stream,
                  work, split);
}

template <typename T>
cudaError_t run(const RotateBlocksBackwardCuda<T>& work, const Split& split, cudaStream_t stream) {
  switch (split.width) {
    case 16:
      return run<T, 1>(work, split, stream);
    case 32:
      return run<T, 2>(work, split, stream);
    case 64:
      return run<T, 4>(work, split, stream);
    default:
      return run<T, 8>(work, split, stream);
  }
}

}  // namespace

std::int64_t rotate_blocks_partials(std::int64_t rows, std::int64_t blocks, std::int64_t b) {
  const Split split(rows, blocks, b);
  return split.splits * blocks * split.width * split.width;
}

template <typename T>
cudaError_t rotate_blocks_backward_cuda(const RotateBlocksBackwardCuda<T>& work,
                                        cudaStream_t stream) {
  const Split split(work.rows, work.blocks, work.b);
  const cudaError_t error = run(work, split, stream);
  if (error != cudaSuccess) return error;
  const std::int64_t elements = (work.shared ? 1 : work.blocks) * work.b * work.b;
  return launch(add_partials_kernel<T>, (elements + kThreads - 1) / kThreads, dim3(kThreads), 0,
                stream, work, split);
}

template cudaError_t rotate_blocks_backward_cuda(const RotateBlocksBackwardCuda<float>&,
                                                 cudaStream_t);
template cudaError_t rotate_blocks_backward_cuda(const RotateBlocksBackwardCuda<double>&,
                                                 cudaStream_t);
template cudaError_t rotate_blocks_backward_cuda(const RotateBlocksBackwardCuda<Half>&,
                                                 cudaStream_t);
template cudaError_t rotate_blocks_backward_cuda(const RotateBlocksBackwardCuda<BFloat16>&,
                                                 cudaStream_t);

}  // namespace oft::kernels
