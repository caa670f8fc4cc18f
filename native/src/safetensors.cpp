#include "oft/safetensors.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "files.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "safetensors_header.hpp"

namespace oft {

struct SafetensorsFile::Impl {
  std::filesystem::path path;
  FileDescriptor descriptor;
  std::uint64_t file_size = 0;
  std::uint64_t data_offset = 0;
  SafetensorsHeader header;
  std::unordered_map<std::string_view, const SafetensorsEntry*> by_name;
};

SafetensorsFile::SafetensorsFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;
SafetensorsFile::~SafetensorsFile() = default;

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->descriptor = FileDescriptor(open_for_reading(path));
  const int fd = impl->descriptor.get();
  impl->file_size = oft::file_size(fd, path);

  const auto fail = [&](const std::string& problem) {
    throw Error(Status::kParse, path.string() + ": " + problem);
  };
  if (impl->file_size < kSafetensorsPrefixBytes) {
    fail("has " + std::to_string(impl->file_size) + " bytes, too few for a safetensors file");
  }
  std::uint64_t header_size = 0;
  read_at(fd, path, 0, &header_size, sizeof header_size);
  const std::uint64_t rest = impl->file_size - kSafetensorsPrefixBytes;
  if (header_size > kMaxSafetensorsHeaderBytes) {
    fail("claims a header of " + std::to_string(header_size) + " bytes, more than the " +
         std::to_string(kMaxSafetensorsHeaderBytes) + " allowed: not safetensors");
  }
  if (header_size > rest) {
    fail("claims a header of " + std::to_string(header_size) + " bytes, but only " +
         std::to_string(rest) + " follow: it is truncated or not safetensors");
  }
  std::string text(header_size, '\0');
  read_at(fd, path, kSafetensorsPrefixBytes, text.data(), text.size());
  impl->header = parse_safetensors_header(text, rest - header_size, path.string());
  impl->data_offset = kSafetensorsPrefixBytes + header_size;
  for (const SafetensorsEntry& entry : impl->header.entries) {
    impl->by_name.emplace(entry.name, &entry);
  }
  return SafetensorsFile(std::move(impl));
}

const std::filesystem::path& SafetensorsFile::path() const { return impl_->path; }

const std::vector<SafetensorsEntry>& SafetensorsFile::entries() const {
  return impl_->header.entries;
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto found = impl_->by_name.find(name);
  return found == impl_->by_name.end() ? nullptr : found->second;
}

const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return impl_->header.metadata;
}

std::uint64_t SafetensorsFile::data_offset() const { return impl_->data_offset; }
std::uint64_t SafetensorsFile::file_size() const { return impl_->file_size; }
int SafetensorsFile::descriptor() const { return impl_->descriptor.get(); }

void SafetensorsFile::read(const SafetensorsEntry& entry, std::uint64_t offset, std::size_t size,
                           void* out) const {
  if (offset > entry.bytes() || size > entry.bytes() - offset) {
    throw Error(Status::kInvalidArgument, impl_->path.string() + ": tensor " + quote(entry.name) +
                                              " has " + std::to_string(entry.bytes()) +
                                              " bytes; there are no " + std::to_string(size) +
                                              " at " + std::to_string(offset));
  }
  read_at(descriptor(), impl_->path, data_offset() + entry.begin + offset, out, size);
}

std::shared_ptr<void> SafetensorsFile::map(const SafetensorsEntry& entry) const {
  const std::uint64_t start = data_offset() + entry.begin;
  const bool is_aligned = start % dtype_size(entry.dtype) == 0;
  if (entry.bytes() == 0 || !is_aligned) {
    const std::shared_ptr<char[]> copy(new char[entry.bytes() + 1]);
    read(entry, 0, entry.bytes(), copy.get());
    return {copy, copy.get()};
  }
  const std::uint64_t into_page = start % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t length = entry.bytes() + into_page;
  void* const pages = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor(),
                             static_cast<off_t>(start - into_page));
  if (pages == MAP_FAILED) {
    throw Error(Status::kIo, impl_->path.string() + ": tensor " + quote(entry.name) +
                                 " cannot be mapped: " + std::generic_category().message(errno));
  }
  const std::shared_ptr<void> mapping(pages, [length](void* p) { ::munmap(p, length); });
  return {mapping, static_cast<char*>(pages) + into_page};
}

}  // namespace oft
