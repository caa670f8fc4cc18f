#pragma once

#include <cstdint>

#include "device_kernels.hpp"

/// kernels/cuda over tensors: on the device of the first operand, in the order of libtorch's
/// current stream there. Throws Error(kInvalidArgument) for operands on several devices,
/// Error(kDevice) where a kernel cannot be launched.
namespace oft::cuda {

/// Null where blocks are larger than the kernels take.
const RotateKernels* rotate_kernels(std::int64_t block_size);
const CayleyKernels* cayley_kernels(std::int64_t block_size);

}  // namespace oft::cuda
