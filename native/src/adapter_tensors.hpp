#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace oft {

/// The tensors of an adapter file by their full names. A `.safetensors` file is mapped, a `.bin`
/// file goes through libtorch's unpickler, which builds tensors and containers only.
std::map<std::string, at::Tensor> read_adapter_tensors(const std::filesystem::path& file);

/// Writes tensors in the safetensors library's own layout, atomically.
void write_adapter_tensors(const std::filesystem::path& file,
                           const std::map<std::string, at::Tensor>& tensors);

}  // namespace oft
