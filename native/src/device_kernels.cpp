#include "device_kernels.hpp"

#ifdef OFT_CUDA
#include "cuda/cuda_kernels.hpp"
#endif

namespace oft {

const RotateKernels* rotate_kernels([[maybe_unused]] const at::Tensor& tensor,
                                    [[maybe_unused]] std::int64_t block_size) {
#ifdef OFT_CUDA
  if (tensor.is_cuda()) return cuda::rotate_kernels(block_size);
#endif
  return nullptr;
}

const CayleyKernels* cayley_kernels([[maybe_unused]] const at::Tensor& tensor,
                                    [[maybe_unused]] std::int64_t block_size) {
#ifdef OFT_CUDA
  if (tensor.is_cuda()) return cuda::cayley_kernels(block_size);
#endif
  return nullptr;
}

}  // namespace oft
