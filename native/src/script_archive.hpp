#pragma once

#include <c10/core/Device.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace oft {

/// A file that holds a TorchScript module, or its bytes. What is not one is told by its beginning
/// and, in a zip archive, by the records it has.
class ScriptArchive {
 public:
  /// Throws Error(kNotFound), Error(kIo), Error(kUnsupported) or Error(kParse).
  static ScriptArchive open(const std::filesystem::path& path);
  /// The bytes must outlive the archive.
  static ScriptArchive of(std::string_view bytes);

  torch::jit::Module load(c10::Device device) const;

 private:
  ScriptArchive(std::string source, std::shared_ptr<caffe2::serialize::ReadAdapterInterface> bytes);

  std::string source_;  // for messages
  std::shared_ptr<caffe2::serialize::ReadAdapterInterface> bytes_;
};

}  // namespace oft
