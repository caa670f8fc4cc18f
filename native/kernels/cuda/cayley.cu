#include "cayley_cuda.h"
#include "launch.cuh"
#include "series.cuh"
#include "tile.cuh"

namespace oft::kernels {
namespace {

/// The sum of the values of all threads, the same bits in each.
template <typename T>
__device__ T block_sum(T value) {
  __shared__ T partial[kThreads];
  const int thread = threadIdx.y * kSide + threadIdx.x;
  partial[thread] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) partial[thread] += partial[thread + half];
    __syncthreads();
  }
  return partial[0];
}

/// 1 where R is nearer to I than to -I, else 0: see `less` below.
template <typename T>
__device__ T nearness(const T* q, int b) {
  T squares = 0;
  for (int t = threadIdx.y * kSide + threadIdx.x; t < b * (b - 1) / 2; t += kThreads)
    squares += q[t] * q[t];
  return 2 * block_sum(squares) <= b ? 1 : 0;
}

/// Gauss-Jordan elimination turns I + Q into its inverse in place. With `less` = 1, not 0, both are
/// held less I: differences from the identity then keep all their digits.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads) cayley_kernel(const T* q, T* r, int b) {
  __shared__ T rows[2][kSide * N];
  __shared__ T columns[2][kSide * N];
  q += blockIdx.x * (static_cast<std::int64_t>(b) * (b - 1) / 2);
  r += blockIdx.x * (static_cast<std::int64_t>(b) * b);
  const T less = nearness(q, b);
  T a[N][N];
  each_element<N>(
      [&](int u, int v, int i, int j) { a[u][v] = i == j ? 1 - less : skew_element(q, b, i, j); });
  for (int k = 0; k < b; ++k) {
    // Two buffers in turn: one barrier a step keeps this step's writers from the last one's
    // readers.
    T* const row = rows[k % 2];
    T* const column = columns[k % 2];
    each_element<N>([&](int u, int v, int i, int j) {
      if (i == k) row[j] = a[u][v];
      if (j == k) column[i] = a[u][v];
    });
    __syncthreads();
    const T reciprocal = 1 / (less + row[k]);
    const T inverse = less == 0 ? reciprocal : -row[k] * reciprocal;  // reciprocal - less
    each_element<N>([&](int u, int v, int i, int j) {
      const T pivot = j == k ? inverse : row[j] * reciprocal;
      const T before = j == k ? -less * column[i] : a[u][v];
      a[u][v] = i == k ? pivot : before - column[i] * pivot;
    });
  }
  each_element<N>([&](int u, int v, int i, int j) {
    if (i < b && j < b) r[i * b + j] = 2 * a[u][v] + (i == j ? 2 * less - 1 : 0);
  });
}

/// Horner's rule: R = Q R + c I, from the highest power down.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads)
    cayley_neumann_kernel(const T* q, T* r, int b, Series c) {
  T* const skew = shared_array<T>();
  T* const factor = skew + kSide * N * tile_stride<N>;
  q += blockIdx.x * (static_cast<std::int64_t>(b) * (b - 1) / 2);
  r += blockIdx.x * (static_cast<std::int64_t>(b) * b);
  T sum[N][N];
  each_element<N>([&](int u, int v, int i, int j) {
    const T value = skew_element(q, b, i, j);
    skew[i * tile_stride<N> + j] = value;
    const T diagonal = i == j && i < b ? 1 : 0;
    sum[u][v] = c.degree == 0 ? diagonal : c.last * value + c[c.degree - 1] * diagonal;
  });
  for (std::int64_t power = c.degree - 2; power >= 0; --power) {
    store_tile<T, N>(sum, factor);
    __syncthreads();
    each_element<N>(
        [&](int u, int v, int i, int j) { sum[u][v] = i == j && i < b ? c[power] : 0; });
    add_product<T, N>(skew, factor, b, sum);
    __syncthreads();
  }
  each_element<N>([&](int u, int v, int i, int j) {
    if (i < b && j < b) r[i * b + j] = sum[u][v];
  });
}

template <typename T, int N>
cudaError_t run(const T* q, T* r, std::int64_t blocks, int b, cudaStream_t stream) {
  return launch(cayley_kernel<T, N>, blocks, dim3(kSide, kSide), 0, stream, q, r, b);
}

template <typename T, int N>
cudaError_t run(const T* q, T* r, std::int64_t blocks, int b, Series c, cudaStream_t stream) {
  return launch(cayley_neumann_kernel<T, N>, blocks, dim3(kSide, kSide), tile_bytes<T, N>(2),
                stream, q, r, b, c);
}

}  // namespace

template <typename T>
cudaError_t cayley_cuda(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                        cudaStream_t stream) {
  const int size = static_cast<int>(b);
  if (b <= 16) return run<T, 1>(q, r, blocks, size, stream);
  if (b <= 32) return run<T, 2>(q, r, blocks, size, stream);
  if (b <= 48) return run<T, 3>(q, r, blocks, size, stream);
  return run<T, 4>(q, r, blocks, size, stream);
}

template <typename T>
cudaError_t cayley_neumann_cuda(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                                std::int64_t terms, bool legacy, cudaStream_t stream) {
  const int size = static_cast<int>(b);
  const Series c(terms, legacy);
  if (b <= 16) return run<T, 1>(q, r, blocks, size, c, stream);
  if (b <= 32) return run<T, 2>(q, r, blocks, size, c, stream);
  if (b <= 48) return run<T, 3>(q, r, blocks, size, c, stream);
  return run<T, 4>(q, r, blocks, size, c, stream);
}

template cudaError_t cayley_cuda(const float*, float*, std::int64_t, std::int64_t, cudaStream_t);
template cudaError_t cayley_cuda(const double*, double*, std::int64_t, std::int64_t, cudaStream_t);
template cudaError_t cayley_neumann_cuda(const float*, float*, std::int64_t, std::int64_t,
                                         std::int64_t, bool, cudaStream_t);
template cudaError_t cayley_neumann_cuda(const double*, double*, std::int64_t, std::int64_t,
                                         std::int64_t, bool, cudaStream_t);

}  // namespace oft::kernels
