#ifndef OFT_KERNELS_CUDA_ELEMENTS_CUH
#define OFT_KERNELS_CUDA_ELEMENTS_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "rotate_blocks.h"

/// Elements to and from the type in which sums run.
namespace oft::kernels {

__device__ inline float widen(float value) { return value; }
__device__ inline double widen(double value) { return value; }
__device__ inline float widen(Half value) { return __half2float(__ushort_as_half(value.bits)); }
__device__ inline float widen(BFloat16 value) {
  return __bfloat162float(__ushort_as_bfloat16(value.bits));
}

__device__ inline void narrow(float sum, float& value) { value = sum; }
__device__ inline void narrow(double sum, double& value) { value = sum; }
__device__ inline void narrow(float sum, Half& value) {
  value.bits = __half_as_ushort(__float2half_rn(sum));
}
__device__ inline void narrow(float sum, BFloat16& value) {
  value.bits = __bfloat16_as_ushort(__float2bfloat16_rn(sum));
}

/// V elements that are read or written at once.
template <typename T, int V>
struct alignas(sizeof(T) * V) Chunk {
  T elements[V];
};

}  // namespace oft::kernels

#endif
