#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oft/module_tree.hpp"

/// TorchScript modules as users hold them.
namespace oft {

/// Where a loaded module goes.
struct ScriptPlace {
  std::string device = "cpu";           ///< "cpu", "cuda:0", ...
  std::optional<at::ScalarType> dtype;  ///< of floating-point parameters and buffers; as saved
};

/// Throws Error(kNotFound) or Error(kIo) where the file cannot be read, Error(kUnsupported), saying
/// what to do instead, where it is something else (a state dict, .safetensors, a folder, ...),
/// Error(kParse) where it is damaged, Error(kDevice) where the device is absent.
torch::jit::Module load_script(const std::filesystem::path& path, const ScriptPlace& place = {});

/// The same from the bytes of a file, which are needed only during the call.
torch::jit::Module load_script_bytes(std::string_view bytes, const ScriptPlace& place = {});

/// Writes a file atomically. Throws Error(kIo).
void save_script(const torch::jit::Module& module, const std::filesystem::path& path);

/// {"training", "methods": [names], "modules": [{"name", "kind", "class_name"}...], "parameters"
/// and "buffers": [{"name", "dtype", "shape", "device"}...]}.
std::string script_to_json(const torch::jit::Module& module);

/// A parameter or buffer, under any of its names. Throws Error(kNotFound) with the nearest names.
at::Tensor script_tensor(const torch::jit::Module& module, const std::string& name);

/// Runs a method; see call_method.
c10::IValue call_script(const torch::jit::Module& module, const std::string& method,
                        std::vector<c10::IValue> args, const Kwargs& kwargs = {});

/// Sets training or evaluation mode. Throws Error(kUnsupported) for a frozen module, which has only
/// one.
void train_script(const torch::jit::Module& module, bool on);

}  // namespace oft
