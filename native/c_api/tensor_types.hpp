#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "handles.hpp"

namespace oft::c_api {

/// The libtorch type of a number. Throws Error(kInvalidArgument) for others.
at::ScalarType type_in(oft_dtype dtype);

/// The same where -1 stands for none.
std::optional<at::ScalarType> optional_type_in(oft_dtype dtype);

/// The number of a libtorch type. Throws Error(kUnsupported) where it has none.
oft_dtype type_out(at::ScalarType type);

/// Handles of a caller's array.
std::vector<at::Tensor> tensors_in(const oft_tensor* const* tensors, std::size_t count);

/// The tensor itself. Throws Error(kUnsupported) where its elements do not lie row-major in the
/// memory of this process.
const at::Tensor& row_major(const at::Tensor& tensor);

/// A row-major copy in the memory of this process, without gradient.
at::Tensor cpu_copy(const at::Tensor& tensor, at::ScalarType type);

/// A result that nothing is recorded for, for callers who read it at once: row-major on the CPU,
/// the tensor's own memory where that is so already.
at::Tensor tensor_out(const at::Tensor& tensor);

/// Hands out a new handle, or NULL for an undefined tensor.
void give_if_defined(oft_tensor** out, const char* name, at::Tensor tensor);

}  // namespace oft::c_api
