#ifndef OFT_KERNELS_CUDA_LAUNCH_CUH
#define OFT_KERNELS_CUDA_LAUNCH_CUH

#include <cuda_runtime.h>

#include <climits>
#include <cstddef>
#include <cstdint>

namespace oft::kernels {

/// Launches `kernel` on `stream` without waiting for it. More shared memory than the 48 KiB that
/// every kernel may have is asked for by name.
template <typename... Parameters, typename... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), std::int64_t grid, dim3 block,
                   std::size_t shared_bytes, cudaStream_t stream, Arguments... arguments) {
  constexpr std::size_t usual_shared_bytes = 48 << 10;
  if (grid > INT_MAX) return cudaErrorInvalidConfiguration;
  if (shared_bytes > usual_shared_bytes) {
    const cudaError_t error = cudaFuncSetAttribute(
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return error;
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(grid));
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

/// The shared memory whose size the launch gave.
template <typename T>
__device__ T* shared_array() {
  extern __shared__ __align__(128) unsigned char shared_bytes[];
  return reinterpret_cast<T*>(shared_bytes);
}

}  // namespace oft::kernels

#endif
