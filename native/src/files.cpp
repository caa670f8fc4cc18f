#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "oft/error.hpp"

namespace oft {
namespace {

constexpr std::size_t kCopyBufferBytes = 1u << 20;
constexpr std::size_t kMaxNameBytes = 200;  // leaves room for the rest of a 255-byte file name

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what, int error,
                       Status status = Status::kIo) {
  throw Error(status, path.string() + ": " + what + ": " + std::generic_category().message(error));
}

/// Repeats a system call that a signal interrupted.
template <typename Call>
auto retry(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

std::filesystem::path temporary_beside(const std::filesystem::path& target) {
  std::random_device random;
  const std::string name = target.filename().string().substr(0, kMaxNameBytes);
  return folder_of(target) /
         ("." + name + "." + std::to_string(::getpid()) + "-" + std::to_string(random()) + ".tmp");
}

/// What an open descriptor refers to, for messages.
std::filesystem::path path_of(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(link, error);
  return error ? std::filesystem::path("descriptor " + std::to_string(descriptor)) : path;
}

/// What an unprivileged user may still write; the largest number where the file system cannot tell.
std::uint64_t free_bytes(int descriptor) {
  struct statvfs info {};
  if (::fstatvfs(descriptor, &info) != 0 || info.f_blocks == 0) return UINT64_MAX;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

[[noreturn]] void fail_full(const std::filesystem::path& target, std::uint64_t size, int descriptor,
                            int error) {
  fail(target,
       "needs " + std::to_string(size) + " bytes, its file system has " +
           std::to_string(free_bytes(descriptor)) + " free; make room or write elsewhere",
       error);
}

bool kernel_cannot_copy(int error) {
  return error == EXDEV || error == ENOSYS || error == EINVAL || error == EOPNOTSUPP;
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : value_(other.release()) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

int FileDescriptor::release() { return std::exchange(value_, -1); }

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  struct stat existing {};
  const bool exists = ::stat(target_.c_str(), &existing) == 0;
  if (exists && !S_ISREG(existing.st_mode)) {
    throw Error(Status::kIo, target_.string() + ": exists and is not a regular file; name another");
  }
  do {
    temporary_ = temporary_beside(target_);
    descriptor_ = FileDescriptor(retry(
        [&] { return ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }));
  } while (descriptor_.get() < 0 && errno == EEXIST);
  if (descriptor_.get() < 0) {
    temporary_.clear();
    fail(target_, "cannot be created", errno);
  }
  if (exists && ::fchmod(descriptor_.get(), existing.st_mode & 07777) != 0) {
    const int error = errno;
    discard();
    fail(target_, "cannot take over its mode", error);
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::move(other.descriptor_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(temporary_, other.temporary_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::allocate(std::uint64_t size) {
  if (size == 0) return;
  const int fd = descriptor();
  // Asked first: some file systems fill the whole disk before they find it too small.
  if (free_bytes(fd) < size) fail_full(target_, size, fd, ENOSPC);
  if (retry([&] { return ::fallocate(fd, 0, 0, static_cast<off_t>(size)); }) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT) fail_full(target_, size, fd, errno);
  if (errno != EOPNOTSUPP && errno != ENOSYS) fail(target_, "cannot be extended", errno);
}

void AtomicFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count =
        retry([&] { return ::pwrite(descriptor(), bytes, size, static_cast<off_t>(offset)); });
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT)) {
      fail_full(target_, size, descriptor(), errno);
    }
    if (count < 0) fail(target_, "cannot be written", errno);
    bytes += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
}

void AtomicFile::copy_at(std::uint64_t offset, int source, std::uint64_t source_offset,
                         std::uint64_t size) {
  while (size > 0) {
    auto from = static_cast<off_t>(source_offset);
    auto to = static_cast<off_t>(offset);
    const ssize_t count =
        retry([&] { return ::copy_file_range(source, &from, descriptor(), &to, size, 0); });
    if (count < 0 && !kernel_cannot_copy(errno)) {
      fail(target_, "cannot be copied from " + path_of(source).string(), errno);
    }
    if (count <= 0) break;
    source_offset += static_cast<std::uint64_t>(count);
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::uint64_t>(count);
  }
  if (size == 0) return;

  std::vector<char> buffer(std::min<std::uint64_t>(size, kCopyBufferBytes));
  while (size > 0) {
    const std::size_t count = std::min<std::uint64_t>(size, buffer.size());
    read_at(source, path_of(source), source_offset, buffer.data(), count);
    write_at(offset, buffer.data(), count);
    source_offset += count;
    offset += count;
    size -= count;
  }
}

void AtomicFile::start_writeback() const noexcept {
#ifdef SYNC_FILE_RANGE_WRITE
  // A hint: what fails here, fsync reports.
  (void)::sync_file_range(descriptor(), 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

void AtomicFile::commit(bool sync) {
  if (sync && retry([&] { return ::fsync(descriptor()); }) != 0) {
    fail(target_, "cannot be written to disk", errno);
  }
  // Some network file systems report a failed write only here.
  if (::close(descriptor_.release()) != 0) fail(target_, "cannot be closed", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail(target_, "cannot be replaced", errno);
  }
  temporary_.clear();
  if (sync) sync_directory(folder_of(target_));
}

int open_for_reading(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  FileDescriptor descriptor(
      retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (descriptor.get() < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    fail(path, "cannot be opened", errno, missing ? Status::kNotFound : Status::kIo);
  }
  struct stat info {};
  if (::fstat(descriptor.get(), &info) != 0) fail(path, "cannot be examined", errno);
  if (S_ISDIR(info.st_mode)) fail(path, "cannot be read", EISDIR);
  if (!S_ISREG(info.st_mode)) {
    throw Error(Status::kIo, path.string() + ": is not a regular file");
  }
  return descriptor.release();
}

std::uint64_t file_size(int descriptor, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) fail(path, "cannot be examined", errno);
  return static_cast<std::uint64_t>(info.st_size);
}

void read_at(int descriptor, const std::filesystem::path& path, std::uint64_t offset, void* out,
             std::size_t size) {
  auto* bytes = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t count =
        retry([&] { return ::pread(descriptor, bytes, size, static_cast<off_t>(offset)); });
    if (count < 0) fail(path, "cannot be read", errno);
    if (count == 0) {
      throw Error(Status::kIo, path.string() + ": ends at byte " + std::to_string(offset) + ", " +
                                   std::to_string(size) +
                                   " bytes too early; did another program change it?");
    }
    bytes += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
}

std::string read_text_file(const std::filesystem::path& path, std::size_t limit) {
  const FileDescriptor descriptor(open_for_reading(path));
  const std::uint64_t size = file_size(descriptor.get(), path);
  if (size > limit) {
    throw Error(Status::kParse, path.string() + ": has " + std::to_string(size) +
                                    " bytes, more than the " + std::to_string(limit) +
                                    " that a text file may have; is it the right file?");
  }
  std::string text(size, '\0');
  read_at(descriptor.get(), path, 0, text.data(), text.size());
  return text;
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write_at(0, text.data(), text.size());
  file.commit(true);
}

void sync_directory(const std::filesystem::path& path) {
  const FileDescriptor descriptor(
      retry([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (descriptor.get() < 0) fail(path, "cannot be opened", errno);
  // EINVAL: the file system has no notion of it.
  if (retry([&] { return ::fsync(descriptor.get()); }) != 0 && errno != EINVAL) {
    fail(path, "cannot be written to disk", errno);
  }
}

}  // namespace oft
