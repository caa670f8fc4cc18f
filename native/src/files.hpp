#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace oft {

/// An open file descriptor, closed on destruction.
class FileDescriptor {
 public:
  explicit FileDescriptor(int value = -1) : value_(value) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return value_; }
  /// Gives the descriptor up without closing it.
  int release();

 private:
  int value_;
};

/// A file being written beside its target. Only `commit` lets it take the target's place;
/// destroyed before that, it is removed. Write errors are Error(kIo) naming file and reason.
class AtomicFile {
 public:
  /// Creates `.<name>.<pid>-<random>.tmp` in the target's folder, with the target's mode if it
  /// exists. Throws Error(kIo) where that is not possible, or the target is not a regular file.
  explicit AtomicFile(std::filesystem::path target);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  int descriptor() const { return descriptor_.get(); }
  const std::filesystem::path& target() const { return target_; }

  /// Reserves the space, so that a full disk is noticed before any work is done.
  void allocate(std::uint64_t size);
  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  /// Copies from an open file inside the kernel, falling back to read and write. Error(kIo) where
  /// the source ends before.
  void copy_at(std::uint64_t offset, int source, std::uint64_t source_offset, std::uint64_t size);
  /// Asks the system to begin writing to disk, so that the fsync of `commit` has less to wait for.
  void start_writeback() const noexcept;
  /// fsync (unless `sync` is false), rename, fsync of the folder.
  void commit(bool sync);

 private:
  void discard() noexcept;

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once it is gone
  FileDescriptor descriptor_;
};

/// Opens a regular file for reading. Throws Error(kNotFound) or Error(kIo).
int open_for_reading(const std::filesystem::path& path);

/// Size of an open file in bytes.
std::uint64_t file_size(int descriptor, const std::filesystem::path& path);

/// Reads exactly `size` bytes at `offset`; Error(kIo) where the file ends before.
void read_at(int descriptor, const std::filesystem::path& path, std::uint64_t offset, void* out,
             std::size_t size);

/// Reads a whole text file; Error(kParse) where it has more than `limit` bytes.
std::string read_text_file(const std::filesystem::path& path, std::size_t limit = 64u << 20);

/// Writes a whole text file atomically.
void write_text_file(const std::filesystem::path& path, std::string_view text);

/// fsync of a folder, so that a rename in it survives a crash.
void sync_directory(const std::filesystem::path& path);

}  // namespace oft
