#include "cuda/launching.hpp"

#include <string>

#include "oft/error.hpp"

namespace oft::cuda {

Launching::Launching(const char* operation, const at::Tensor& operand)
    : operation_(operation),
      device_(operand.device()),
      guard_(device_),
      stream_(c10::cuda::getCurrentCUDAStream(device_.index())) {}

void Launching::require_here(const at::Tensor& other) const {
  if (other.device() != device_)
    throw Error(Status::kInvalidArgument, std::string(operation_) + ": operands on " +
                                              device_.str() + " and " + other.device().str() +
                                              "; move them to one device");
}

void Launching::check(cudaError_t error) const {
  if (error == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // or libtorch's next check would find it
  const char* remedy = error == cudaErrorNoKernelImageForDevice
                           ? "; build oft with its compute capability in CMAKE_CUDA_ARCHITECTURES"
                           : "";
  throw Error(Status::kDevice, std::string(operation_) + " on " + device_.str() + ": " +
                                   cudaGetErrorString(error) + remedy);
}

}  // namespace oft::cuda
