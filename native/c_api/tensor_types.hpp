#pragma once

#include <ATen/core/Tensor.h>

#include "oft/c_api.h"

namespace oft::c_api {

/// The libtorch type of a number. Throws Error(kInvalidArgument) for others.
at::ScalarType type_in(oft_dtype dtype);

/// The number of a libtorch type. Throws Error(kUnsupported) where it has none.
oft_dtype type_out(at::ScalarType type);

/// A handle holds tensors that are contiguous and on the CPU.
at::Tensor tensor_out(const at::Tensor& tensor);

}  // namespace oft::c_api
