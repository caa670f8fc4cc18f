#ifndef OFT_KERNELS_CUDA_TILE_CUH
#define OFT_KERNELS_CUDA_TILE_CUH

#include <cstdint>

/// A matrix of b x b, b <= 16 N, in the registers of 16 x 16 threads: thread (x, y) holds elements
/// [y + 16 u, x + 16 v] for u, v < N. In shared memory its rows are `tile_stride<N>` elements
/// apart, an odd number, so that a column meets every bank; what lies beyond b is zero there.
namespace oft::kernels {

constexpr int kSide = 16;
constexpr int kThreads = kSide * kSide;

template <int N>
constexpr int tile_stride = kSide* N + 1;

/// Bytes of `count` tiles in shared memory.
template <typename T, int N>
constexpr std::size_t tile_bytes(int count) {
  return sizeof(T) * kSide * N * tile_stride<N> * count;
}

/// f(u, v, i, j) for each element [i, j] that the thread holds.
template <int N, typename F>
__device__ void each_element(F f) {
#pragma unroll
  for (int u = 0; u < N; ++u) {
#pragma unroll
    for (int v = 0; v < N; ++v) f(u, v, threadIdx.y + kSide * u, threadIdx.x + kSide * v);
  }
}

template <typename T, int N>
__device__ void store_tile(const T (&tile)[N][N], T* shared) {
  each_element<N>([&](int u, int v, int i, int j) { shared[i * tile_stride<N> + j] = tile[u][v]; });
}

/// sum += a c, both in shared memory.
template <typename T, int N>
__device__ void add_product(const T* a, const T* c, int b, T (&sum)[N][N]) {
  for (int t = 0; t < b; ++t) {
    T left[N];
    T right[N];
#pragma unroll
    for (int u = 0; u < N; ++u) left[u] = a[(threadIdx.y + kSide * u) * tile_stride<N> + t];
#pragma unroll
    for (int v = 0; v < N; ++v) right[v] = c[t * tile_stride<N> + threadIdx.x + kSide * v];
#pragma unroll
    for (int u = 0; u < N; ++u) {
#pragma unroll
      for (int v = 0; v < N; ++v) sum[u][v] += left[u] * right[v];
    }
  }
}

/// Where the parameter of element [i, j], i < j, is.
__device__ inline int parameter_index(int b, int i, int j) {
  return i * b - i * (i + 1) / 2 + j - i - 1;
}

/// Q[i, j]; zero beyond b.
template <typename T>
__device__ T skew_element(const T* q, int b, int i, int j) {
  if (i == j || i >= b || j >= b) return 0;
  return i < j ? q[parameter_index(b, i, j)] : -q[parameter_index(b, j, i)];
}

}  // namespace oft::kernels

#endif
