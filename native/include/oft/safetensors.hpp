#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oft/export.hpp"

namespace oft {

/// Element types of the safetensors format, named as in its headers ("F32", "BF16", ...) and in the
/// library's own order, which `sort_as_safetensors` needs. Types below a byte (F4, F6) are refused.
enum class SafetensorsDType {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3FNUZ,
  kF8E5M2FNUZ,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

OFT_EXPORT std::size_t dtype_size(SafetensorsDType dtype);
OFT_EXPORT std::string_view dtype_name(SafetensorsDType dtype);

/// One entry of a header; `begin` and `end` are byte offsets into the data section.
struct SafetensorsEntry {
  std::string name;
  SafetensorsDType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t bytes() const { return end - begin; }
  std::int64_t numel() const;
};

/// A safetensors file, opened for reading. The whole header is checked before any of it is
/// trusted: length, UTF-8, duplicate keys, dtypes, shapes against offsets, overlaps, holes, and
/// that the file ends where the last tensor does. Thread-safe once open.
class OFT_EXPORT SafetensorsFile {
 public:
  /// Throws Error(kNotFound, kIo) or Error(kParse) naming the file, the tensor and what is wrong.
  static SafetensorsFile open(const std::filesystem::path& path);

  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;
  ~SafetensorsFile();

  const std::filesystem::path& path() const;
  /// In the order of their data.
  const std::vector<SafetensorsEntry>& entries() const;
  /// Null where there is no such tensor.
  const SafetensorsEntry* find(std::string_view name) const;
  /// The `__metadata__` object.
  const std::map<std::string, std::string>& metadata() const;

  /// Offset of the data section from the start of the file.
  std::uint64_t data_offset() const;
  std::uint64_t file_size() const;
  /// The open descriptor, for `pread` and `copy_file_range`; borrowed.
  int descriptor() const;

  /// Reads bytes [offset, offset + size) of the tensor. Throws Error(kIo) if the file has since
  /// become shorter.
  void read(const SafetensorsEntry& entry, std::uint64_t offset, std::size_t size, void* out) const;

  /// The tensor's bytes, memory-mapped copy-on-write and kept alive by the pointer; read into
  /// memory instead where the file leaves them misaligned for their dtype. Use for small,
  /// long-lived files: a file truncated while it is mapped is fatal to the process.
  std::shared_ptr<void> map(const SafetensorsEntry& entry) const;

 private:
  struct Impl;
  explicit SafetensorsFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Writes one safetensors file: the header first, then tensor data in any order and from any
/// thread, into a file beside the target that takes its place only in `commit`. Destroyed without
/// a commit, it leaves nothing behind.
class OFT_EXPORT SafetensorsWriter {
 public:
  /// Lays tensors out in the order given (`begin` and `end` are assigned here). Throws Error(kIo)
  /// where the target's folder cannot be written or the disk has no room for the whole file.
  SafetensorsWriter(const std::filesystem::path& target, std::vector<SafetensorsEntry> entries,
                    const std::map<std::string, std::string>& metadata);
  SafetensorsWriter(SafetensorsWriter&&) noexcept;
  SafetensorsWriter& operator=(SafetensorsWriter&&) noexcept;
  ~SafetensorsWriter();

  const std::vector<SafetensorsEntry>& entries() const;

  /// Whether bytes start for the disk while others are still being written, so that the fsync of
  /// `commit` has less to wait for. They do unless told otherwise, which saves time without fsync.
  void set_early_writeback(bool early);

  /// Writes bytes at `offset` of tensor `index`. Thread-safe.
  void write(std::size_t index, std::uint64_t offset, const void* data, std::size_t size);

  /// Copies bytes [source_offset, +size) of an open file to `offset` of tensor `index` inside the
  /// kernel where the file systems allow it. Thread-safe.
  void copy(std::size_t index, std::uint64_t offset, int source, std::uint64_t source_offset,
            std::uint64_t size);

  /// Reads back bytes [offset, offset + size) of tensor `index` that have been written.
  void read(std::size_t index, std::uint64_t offset, void* out, std::size_t size) const;

  /// fsync (unless `sync` is false), rename over the target, fsync of the folder.
  void commit(bool sync = true);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The order in which the safetensors library lays tensors out: descending dtype, then name.
OFT_EXPORT void sort_as_safetensors(std::vector<SafetensorsEntry>& entries);

}  // namespace oft
