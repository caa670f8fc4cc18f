#include "script_archive.hpp"

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "files.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

using caffe2::serialize::PyTorchStreamReader;
using caffe2::serialize::ReadAdapterInterface;

constexpr const char* kExport =
    "export the model in Python: torch.jit.trace(model, example).save(\"model.pt\")";

class FileBytes final : public ReadAdapterInterface {
 public:
  explicit FileBytes(std::filesystem::path path)
      : path_(std::move(path)),
        file_(open_for_reading(path_)),
        size_(file_size(file_.get(), path_)) {}

  std::size_t size() const override { return size_; }

  /// Called from C code: a failure is told by the count.
  std::size_t read(std::uint64_t offset, void* out, std::size_t count,
                   const char* /*what*/) const override {
    try {
      read_at(file_.get(), path_, offset, out, count);
      return count;
    } catch (const Error&) {
      return 0;
    }
  }

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
  std::size_t size_;
};

class MemoryBytes final : public ReadAdapterInterface {
 public:
  explicit MemoryBytes(std::string_view bytes) : bytes_(bytes) {}

  std::size_t size() const override { return bytes_.size(); }

  std::size_t read(std::uint64_t offset, void* out, std::size_t count,
                   const char* /*what*/) const override {
    if (offset > bytes_.size()) return 0;
    return bytes_.copy(static_cast<char*>(out), count, offset);
  }

 private:
  std::string_view bytes_;
};

[[noreturn]] void refuse(const std::string& source, const std::string& what) {
  throw Error(Status::kUnsupported, source + ": " + what + "; " + kExport);
}

/// The first bytes of a file, zeros where it ends.
using Beginning = std::array<unsigned char, 9>;

bool begins_safetensors(const Beginning& beginning, std::size_t size) {
  std::uint64_t header = 0;
  for (std::size_t i = 8; i-- > 0;) header = header << 8 | beginning[i];
  return size > 8 && header <= size - 8 && beginning[8] == '{';
}

/// Throws unless it is a zip archive.
void check_beginning(const std::string& source, const ReadAdapterInterface& bytes) {
  Beginning beginning{};
  const std::size_t size = bytes.size();
  if (size == 0) throw Error(Status::kParse, source + ": is empty");
  bytes.read(0, beginning.data(), std::min(size, beginning.size()));
  if (std::memcmp(beginning.data(), "PK\3\4", 4) == 0) return;
  if (begins_safetensors(beginning, size))
    refuse(source,
           "is a safetensors file, which has weights but no model (to merge an adapter "
           "into it use the checkpoint merge)");
  if (beginning[0] == 0x80)
    refuse(source, "is a pickle, as torch.save writes it: weights, or code that only Python runs");
  refuse(source, "is not a TorchScript file");
}

/// Throws unless it is a zip archive that holds a TorchScript module.
void check_records(const std::string& source, std::shared_ptr<ReadAdapterInterface> bytes) {
  try {
    PyTorchStreamReader reader(std::move(bytes));
    if (reader.hasRecord("constants.pkl")) return;
    if (reader.hasRecord("data.pkl"))
      refuse(source, "was written by torch.save: weights, or code that only Python runs");
    if (reader.hasRecord("archive_format")) refuse(source, "was written by torch.export");
  } catch (const c10::Error& error) {
    const std::string_view text = error.what_without_backtrace();
    if (text.find("central directory") != text.npos)
      throw Error(Status::kParse, source +
                                      ": is damaged or incomplete: the end of the archive is "
                                      "missing; copy or download the file again");
  }
  refuse(source, "is a zip archive, but not a TorchScript file");
}

/// Of what the compiler says, which goes on with source lines, and libtorch, with a backtrace.
std::string first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

ScriptArchive::ScriptArchive(std::string source, std::shared_ptr<ReadAdapterInterface> bytes)
    : source_(std::move(source)), bytes_(std::move(bytes)) {
  check_beginning(source_, *bytes_);
  check_records(source_, bytes_);
}

ScriptArchive ScriptArchive::open(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path))
    refuse(path.string(), "is a folder; name the TorchScript file in it");
  return {path.string(), std::make_shared<FileBytes>(path)};
}

ScriptArchive ScriptArchive::of(std::string_view bytes) {
  return {"the bytes", std::make_shared<MemoryBytes>(bytes)};
}

torch::jit::Module ScriptArchive::load(c10::Device device) const {
  try {
    return torch::jit::load(bytes_, device);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception& error) {  // a c10::Error, or the compiler's ErrorReport
    const std::string cause = first_line(error.what());
    if (cause.find("Unknown builtin op") != cause.npos)
      throw Error(Status::kUnsupported, source_ + ": needs an operator that libtorch lacks here (" +
                                            cause + "); load the library that brings it first");
    throw Error(Status::kParse, source_ +
                                    ": is damaged, or of a libtorch that this one cannot "
                                    "read: " +
                                    cause);
  }
}

}  // namespace oft
