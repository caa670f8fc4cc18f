#include "cayley_cuda.h"
#include "launch.cuh"
#include "series.cuh"
#include "tile.cuh"

namespace oft::kernels {
namespace {

/// dL/dq from dL/dQ times 1 / `scale`, in shared memory.
template <typename T, int N>
__device__ void write_parameters(const T* skew_grad, T scale, int b, T* q_grad) {
  each_element<N>([&](int, int, int i, int j) {
    if (i < j && j < b)
      q_grad[parameter_index(b, i, j)] =
          scale * (skew_grad[i * tile_stride<N> + j] - skew_grad[j * tile_stride<N> + i]);
  });
}

/// -2 A^T G A^T = -(1/2) (R + I)^T G (R + I)^T
template <typename T, int N>
__global__ void __launch_bounds__(kThreads)
    cayley_backward_kernel(const T* r, const T* r_grad, T* q_grad, int b) {
  T* const twice = shared_array<T>();  // (R + I)^T
  T* const factor = twice + kSide * N * tile_stride<N>;
  const std::int64_t elements = static_cast<std::int64_t>(b) * b;
  r += blockIdx.x * elements;
  r_grad += blockIdx.x * elements;
  q_grad += blockIdx.x * (elements - b) / 2;
  each_element<N>([&](int, int, int i, int j) {
    const bool inside = i < b && j < b;
    twice[j * tile_stride<N> + i] = inside ? r[i * b + j] + (i == j ? 1 : 0) : 0;
    factor[i * tile_stride<N> + j] = inside ? r_grad[i * b + j] : 0;
  });
  __syncthreads();
  T left[N][N] = {};
  add_product<T, N>(twice, factor, b, left);
  __syncthreads();
  store_tile<T, N>(left, factor);
  __syncthreads();
  T skew_grad[N][N] = {};
  add_product<T, N>(factor, twice, b, skew_grad);
  __syncthreads();
  store_tile<T, N>(skew_grad, factor);
  __syncthreads();
  write_parameters<T, N>(factor, T(-0.5), b, q_grad);
}

/// With W[k] = sum over i < k of X^i G X^(k-1-i):  W[1] = G,  W[k+1] = X W[k] + G X^k.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads)
    cayley_neumann_backward_kernel(const T* q, const T* r_grad, T* q_grad, int b, Series c) {
  T* const x = shared_array<T>();
  T* const right = x + kSide * N * tile_stride<N>;  // G X^(k-1)
  T* const w = right + kSide * N * tile_stride<N>;
  const std::int64_t elements = static_cast<std::int64_t>(b) * b;
  q += blockIdx.x * (elements - b) / 2;
  r_grad += blockIdx.x * elements;
  q_grad += blockIdx.x * (elements - b) / 2;
  T sum[N][N];
  each_element<N>([&](int u, int v, int i, int j) {
    const T grad = i < b && j < b ? r_grad[i * b + j] : 0;
    x[i * tile_stride<N> + j] = -skew_element(q, b, i, j);
    right[i * tile_stride<N> + j] = grad;
    w[i * tile_stride<N> + j] = grad;
    sum[u][v] = c.degree == 0 ? 0 : c[1] * grad;
  });
  __syncthreads();
  for (std::int64_t k = 2; k <= c.degree; ++k) {
    T next_right[N][N] = {};
    add_product<T, N>(right, x, b, next_right);
    T next[N][N];
    each_element<N>([&](int u, int v, int, int) { next[u][v] = next_right[u][v]; });
    add_product<T, N>(x, w, b, next);
    __syncthreads();
    store_tile<T, N>(next_right, right);
    store_tile<T, N>(next, w);
    each_element<N>([&](int u, int v, int, int) { sum[u][v] += c[k] * next[u][v]; });
    __syncthreads();
  }
  store_tile<T, N>(sum, w);
  __syncthreads();
  write_parameters<T, N>(w, T(1), b, q_grad);
}

template <typename T, int N>
cudaError_t run(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks, int b,
                cudaStream_t stream) {
  return launch(cayley_backward_kernel<T, N>, blocks, dim3(kSide, kSide), tile_bytes<T, N>(2),
                stream, r, r_grad, q_grad, b);
}

template <typename T, int N>
cudaError_t run(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks, int b, Series c,
                cudaStream_t stream) {
  return launch(cayley_neumann_backward_kernel<T, N>, blocks, dim3(kSide, kSide),
                tile_bytes<T, N>(3), stream, q, r_grad, q_grad, b, c);
}

}  // namespace

template <typename T>
cudaError_t cayley_backward_cuda(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                                 std::int64_t b, cudaStream_t stream) {
  const int size = static_cast<int>(b);
  if (b <= 16) return run<T, 1>(r, r_grad, q_grad, blocks, size, stream);
  if (b <= 32) return run<T, 2>(r, r_grad, q_grad, blocks, size, stream);
  if (b <= 48) return run<T, 3>(r, r_grad, q_grad, blocks, size, stream);
  return run<T, 4>(r, r_grad, q_grad, blocks, size, stream);
}

template <typename T>
cudaError_t cayley_neumann_backward_cuda(const T* q, const T* r_grad, T* q_grad,
                                         std::int64_t blocks, std::int64_t b, std::int64_t terms,
                                         bool legacy, cudaStream_t stream) {
  const int size = static_cast<int>(b);
  const Series c(terms, legacy);
  if (b <= 16) return run<T, 1>(q, r_grad, q_grad, blocks, size, c, stream);
  if (b <= 32) return run<T, 2>(q, r_grad, q_grad, blocks, size, c, stream);
  if (b <= 48) return run<T, 3>(q, r_grad, q_grad, blocks, size, c, stream);
  return run<T, 4>(q, r_grad, q_grad, blocks, size, c, stream);
}

template cudaError_t cayley_backward_cuda(const float*, const float*, float*, std::int64_t,
                                          std::int64_t, cudaStream_t);
template cudaError_t cayley_backward_cuda(const double*, const double*, double*, std::int64_t,
                                          std::int64_t, cudaStream_t);
template cudaError_t cayley_neumann_backward_cuda(const float*, const float*, float*, std::int64_t,
                                                  std::int64_t, std::int64_t, bool, cudaStream_t);
template cudaError_t cayley_neumann_backward_cuda(const double*, const double*, double*,
                                                  std::int64_t, std::int64_t, std::int64_t, bool,
                                                  cudaStream_t);

}  // namespace oft::kernels
