#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace oft::bench {

using Tensors = std::map<std::string, at::Tensor>;

/// Writes a file that Python's torch.load reads.
void write_tensors(const std::filesystem::path& file, const Tensors& tensors);

/// Reads what torch.save wrote of a dict of tensors.
Tensors read_tensors(const std::filesystem::path& file);

}  // namespace oft::bench
