#include "archive_writer.hpp"

#include <cstdint>
#include <exception>

#include "files.hpp"

namespace oft {

void write_archive(const std::filesystem::path& path,
                   const std::function<void(const ArchiveWriter&)>& write) {
  AtomicFile file(path);
  std::uint64_t offset = 0;
  std::exception_ptr failure;
  write([&](const void* data, std::size_t size) {
    try {
      if (failure == nullptr) file.write_at(offset, data, size);
    } catch (...) {
      failure = std::current_exception();
    }
    offset += size;
    return size;
  });
  if (failure != nullptr) std::rethrow_exception(failure);
  file.commit(true);
}

}  // namespace oft
