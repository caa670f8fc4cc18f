#pragma once

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace oft::cuda {

/// While it lives, the device of `operand` is the current one.
class Launching {
 public:
  /// `operation` is for messages.
  Launching(const char* operation, const at::Tensor& operand);

  cudaStream_t stream() const { return stream_; }

  /// Throws Error(kInvalidArgument) where a further operand is on another device.
  void require_here(const at::Tensor& other) const;

  /// Throws Error(kDevice) where a launch failed.
  void check(cudaError_t error) const;

 private:
  const char* operation_;
  at::Device device_;
  c10::cuda::CUDAGuard guard_;
  cudaStream_t stream_;
};

}  // namespace oft::cuda
