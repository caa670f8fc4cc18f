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

/// A thread block turns one block of columns of `rows` rows, and reads all of it before it writes
/// any. Neighbours in the grid are neighbours in a row.
template <typename T>
struct Place {
  std::int64_t row;
  std::int64_t block;
  const typename RotateBlocks<T>::M* m;

  __device__ Place(const RotateBlocks<T>& work, int rows)
      : row(blockIdx.x / work.blocks * rows),
        block(blockIdx.x % work.blocks),
        m(work.m + (work.shared ? 0 : block * work.b * work.b)) {}
};

template <typename T>
std::int64_t grid_size(const RotateBlocks<T>& work, int rows) {
  return (work.rows + rows - 1) / rows * work.blocks;
}

constexpr int kRowsPerThread = 4;
constexpr int kPanel = 16;  // elements of the sums at a time

/// Thread (x, y) computes rows y + 16 u, columns x + 16 v of y; b <= 16 N.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads) rotate_kernel(RotateBlocks<T> work) {
  __shared__ T x[kSide * kRowsPerThread][kPanel + 1];
  __shared__ T m[kPanel][kSide * N];
  const Place<T> place(work, kSide * kRowsPerThread);
  const int b = static_cast<int>(work.b);
  T sum[kRowsPerThread][N] = {};
  for (int first = 0; first < b; first += kPanel) {
#pragma unroll
    for (int u = 0; u < kRowsPerThread; ++u) {
      const int row = threadIdx.y + kSide * u;
      const int t = first + threadIdx.x;
      const bool inside = place.row + row < work.rows && t < b;
      x[row][threadIdx.x] =
          inside ? work.x[(place.row + row) * work.x_stride + place.block * b + t] : T(0);
    }
#pragma unroll
    for (int v = 0; v < N; ++v) {
      const int t = first + threadIdx.y;
      const int column = threadIdx.x + kSide * v;
      m[threadIdx.y][column] = t < b && column < b ? place.m[t * b + column] : T(0);
    }
    __syncthreads();
#pragma unroll
    for (int t = 0; t < kPanel; ++t) {
      T left[kRowsPerThread];
      T right[N];
#pragma unroll
      for (int u = 0; u < kRowsPerThread; ++u) left[u] = x[threadIdx.y + kSide * u][t];
#pragma unroll
      for (int v = 0; v < N; ++v) right[v] = m[t][threadIdx.x + kSide * v];
#pragma unroll
      for (int u = 0; u < kRowsPerThread; ++u) {
#pragma unroll
        for (int v = 0; v < N; ++v) sum[u][v] += left[u] * right[v];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int u = 0; u < kRowsPerThread; ++u) {
    const std::int64_t row = place.row + threadIdx.y + kSide * u;
#pragma unroll
    for (int v = 0; v < N; ++v) {
      const int column = threadIdx.x + kSide * v;
      if (row < work.rows && column < b)
        work.y[row * work.y_stride + place.block * b + column] = sum[u][v];
    }
  }
}

constexpr int kTensorRows = 16 * kWarps;

/// Elements from one row of a matrix in shared memory to the next: a multiple of 8, as the loads of
/// fragments want it, and of no larger power of two.
template <int N>
constexpr int fragment_stride = 16 * N + 8;

/// Each warp computes 16 rows; b <= 16 N. V elements of x and y, which divide b, move at once.
template <typename T, int N, int V>
__global__ void __launch_bounds__(kThreads) rotate_tensor_kernel(RotateBlocks<T> work) {
  constexpr int width = 16 * N;
  constexpr int stride = fragment_stride<N>;
  float* const m = shared_array<float>();
  float* const x = m + width * stride;
  const Place<T> place(work, kTensorRows);
  const int b = static_cast<int>(work.b);
  for (int e = threadIdx.x; e < width * width; e += kThreads) {
    const int t = e / width;
    const int j = e % width;
    m[t * stride + j] = t < b && j < b ? place.m[t * b + j] : 0;
  }
  constexpr int chunks = width / V;
  for (int c = threadIdx.x; c < kTensorRows * chunks; c += kThreads) {
    const int row = c / chunks;
    const int column = c % chunks * V;
    Chunk<T, V> chunk = {};
    if (place.row + row < work.rows && column < b)
      chunk = *reinterpret_cast<const Chunk<T, V>*>(work.x + (place.row + row) * work.x_stride +
                                                    place.block * b + column);
#pragma unroll
    for (int e = 0; e < V; ++e) x[row * stride + column + e] = widen(chunk.elements[e]);
  }
  __syncthreads();

  float* const strip = x + threadIdx.x / 32 * 16 * stride;
  SumFragment sum[N];
#pragma unroll
  for (int n = 0; n < N; ++n) wmma::fill_fragment(sum[n], 0.0f);
  for (int t = 0; t < b; t += 8) {
    LeftFragment<wmma::row_major> left;
    wmma::load_matrix_sync(left, strip + t, stride);
    round_to_tf32(left);
#pragma unroll
    for (int n = 0; n < N; ++n) {
      RightFragment high;
      RightFragment low;
      wmma::load_matrix_sync(high, m + t * stride + 16 * n, stride);
      split_to_tf32(high, low);
      wmma::mma_sync(sum[n], left, low, sum[n]);
      wmma::mma_sync(sum[n], left, high, sum[n]);
    }
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < N; ++n)
    wmma::store_matrix_sync(strip + 16 * n, sum[n], stride, wmma::mem_row_major);
  __syncthreads();

  for (int c = threadIdx.x; c < kTensorRows * chunks; c += kThreads) {
    const int row = c / chunks;
    const int column = c % chunks * V;
    if (place.row + row >= work.rows || column >= b) continue;
    Chunk<T, V> chunk;
#pragma unroll
    for (int e = 0; e < V; ++e) narrow(x[row * stride + column + e], chunk.elements[e]);
    *reinterpret_cast<Chunk<T, V>*>(work.y + (place.row + row) * work.y_stride + place.block * b +
                                    column) = chunk;
  }
}

template <typename T, int N>
cudaError_t run(const RotateBlocks<T>& work, cudaStream_t stream) {
  return launch(rotate_kernel<T, N>, grid_size(work, kSide * kRowsPerThread), dim3(kSide, kSide), 0,
                stream, work);
}

template <typename T, int N>
cudaError_t run_tensor(const RotateBlocks<T>& work, cudaStream_t stream) {
  constexpr int vector = 8;
  using Vector = Chunk<T, vector>;
  const auto aligned = [](const T* row, std::int64_t row_stride) {
    return reinterpret_cast<std::uintptr_t>(row) % sizeof(Vector) == 0 && row_stride % vector == 0;
  };
  const bool whole =
      work.b % vector == 0 && aligned(work.x, work.x_stride) && aligned(work.y, work.y_stride);
  constexpr std::size_t bytes =
      sizeof(float) * static_cast<std::size_t>(16 * N + kTensorRows) * fragment_stride<N>;
  return launch(whole ? rotate_tensor_kernel<T, N, vector> : rotate_tensor_kernel<T, N, 1>,
                grid_size(work, kTensorRows), dim3(kThreads), bytes, stream, work);
}

}  // namespace

template <typename T>
cudaError_t rotate_blocks_cuda(const RotateBlocks<T>& work, cudaStream_t stream) {
  if (work.rows == 0) return cudaSuccess;
  if constexpr (sizeof(T) == 2) {
    if (work.b <= 16) return run_tensor<T, 1>(work, stream);
    if (work.b <= 32) return run_tensor<T, 2>(work, stream);
    if (work.b <= 64) return run_tensor<T, 4>(work, stream);
    return run_tensor<T, 8>(work, stream);
  } else {
    if (work.b <= 16) return run<T, 1>(work, stream);
    if (work.b <= 32) return run<T, 2>(work, stream);
    if (work.b <= 64) return run<T, 4>(work, stream);
    return run<T, 8>(work, stream);
  }
}

template cudaError_t rotate_blocks_cuda(const RotateBlocks<float>&, cudaStream_t);
template cudaError_t rotate_blocks_cuda(const RotateBlocks<double>&, cudaStream_t);
template cudaError_t rotate_blocks_cuda(const RotateBlocks<Half>&, cudaStream_t);
template cudaError_t rotate_blocks_cuda(const RotateBlocks<BFloat16>&, cudaStream_t);

}  // namespace oft::kernels
