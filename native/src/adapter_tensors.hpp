#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace oft {

/// Whether a name is that of a file by torch.save: `.bin`, `.pt`, `.pth`, `.ckpt`.
bool is_pickle_name(const std::filesystem::path& file);

/// The tensors of an adapter file by their full names. A pickle goes through libtorch's unpickler,
/// which builds tensors and containers only; any other file is mapped as safetensors.
std::map<std::string, at::Tensor> read_adapter_tensors(const std::filesystem::path& file);

/// Writes tensors in the safetensors library's own layout, atomically; `sync`: fsync before the
/// rename.
void write_adapter_tensors(const std::filesystem::path& file,
                           const std::map<std::string, at::Tensor>& tensors, bool sync = true);

}  // namespace oft
