#ifndef OFT_KERNELS_CUDA_CAYLEY_CUDA_H
#define OFT_KERNELS_CUDA_CAYLEY_CUDA_H

#include <cuda_runtime_api.h>

#include <cstdint>

/// cayley.h on a device, with the same formulas and layouts, and the gradients of both: from
/// dL/dR [blocks, b, b] the gradient dL/dq [blocks, b(b-1)/2],
///
///     cayley           dL/dQ = -2 A^T (dL/dR) A^T  with  A = (I + Q)^-1 = (R + I) / 2
///     cayley_neumann   dL/dQ = sum over k of c[k] sum over i < k of  X^i (dL/dR) X^(k-1-i),  X =
///     Q^T
///
/// where R = c[0] I + c[1] Q + c[2] Q^2 + ..., and dL/dq[i,j] = dL/dQ[i,j] - dL/dQ[j,i].
///
/// One thread block a matrix, all of it in registers and shared memory: b is 1 to
/// kCayleyMaxBlockCuda. T is float or double. All pointers are of the current device. Calls return
/// at once, with the error of the launch; the work is done in the order of `stream`.
namespace oft::kernels {

constexpr std::int64_t kCayleyMaxBlockCuda = 64;

template <typename T>
cudaError_t cayley_cuda(const T* q, T* r, std::int64_t blocks, std::int64_t b, cudaStream_t stream);

template <typename T>
cudaError_t cayley_neumann_cuda(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                                std::int64_t terms, bool legacy, cudaStream_t stream);

template <typename T>
cudaError_t cayley_backward_cuda(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                                 std::int64_t b, cudaStream_t stream);

template <typename T>
cudaError_t cayley_neumann_backward_cuda(const T* q, const T* r_grad, T* q_grad,
                                         std::int64_t blocks, std::int64_t b, std::int64_t terms,
                                         bool legacy, cudaStream_t stream);

}  // namespace oft::kernels

#endif
