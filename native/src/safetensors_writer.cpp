#include <atomic>
#include <string>
#include <unordered_set>
#include <utility>

#include "files.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "oft/safetensors.hpp"
#include "safetensors_header.hpp"

namespace oft {
namespace {

// Often enough to keep a disk busy, seldom enough to cost nothing.
constexpr std::uint64_t kWritebackBytes = 32 << 20;

/// Assigns offsets; returns the bytes of all data.
std::uint64_t lay_out(std::vector<SafetensorsEntry>& entries) {
  std::unordered_set<std::string_view> names;
  std::uint64_t end = 0;
  for (SafetensorsEntry& entry : entries) {
    const auto fail = [&](const std::string& problem) {
      throw Error(Status::kInvalidArgument, "tensor " + quote(entry.name) + " " + problem);
    };
    if (entry.name.empty() || entry.name == "__metadata__") fail("cannot have this name");
    if (!names.insert(entry.name).second) fail("is given twice");
    const auto bytes = tensor_bytes(entry.dtype, entry.shape);
    entry.begin = end;
    if (!bytes || __builtin_add_overflow(end, *bytes, &end)) {
      fail("of " + describe(entry.dtype, entry.shape) + " is larger than 64 bits can count");
    }
    entry.end = end;
  }
  return end;
}

}  // namespace

struct SafetensorsWriter::Impl {
  AtomicFile file;
  std::vector<SafetensorsEntry> entries;
  std::uint64_t data_offset = 0;
  std::uint64_t data_size = 0;
  std::atomic<std::uint64_t> written = 0;
  bool early_writeback = true;

  void count(std::uint64_t size) {
    const std::uint64_t before = written.fetch_add(size);
    if (early_writeback && before / kWritebackBytes != (before + size) / kWritebackBytes)
      file.start_writeback();
  }

  /// Where in the file the bytes go.
  std::uint64_t place(std::size_t index, std::uint64_t offset, std::uint64_t size) const {
    const SafetensorsEntry& entry = entries.at(index);
    if (offset > entry.bytes() || size > entry.bytes() - offset) {
      throw Error(Status::kInvalidArgument,
                  file.target().string() + ": tensor " + quote(entry.name) + " has " +
                      std::to_string(entry.bytes()) + " bytes; " + std::to_string(size) +
                      " do not fit at " + std::to_string(offset));
    }
    return data_offset + entry.begin + offset;
  }
};

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& target,
                                     std::vector<SafetensorsEntry> entries,
                                     const std::map<std::string, std::string>& metadata) {
  const std::uint64_t data_size = lay_out(entries);
  const std::string header = format_safetensors_header(entries, metadata);
  impl_.reset(new Impl{AtomicFile(target), std::move(entries), header.size(), data_size});
  impl_->file.allocate(header.size() + data_size);
  impl_->file.write_at(0, header.data(), header.size());
}

SafetensorsWriter::SafetensorsWriter(SafetensorsWriter&&) noexcept = default;
SafetensorsWriter& SafetensorsWriter::operator=(SafetensorsWriter&&) noexcept = default;
SafetensorsWriter::~SafetensorsWriter() = default;

const std::vector<SafetensorsEntry>& SafetensorsWriter::entries() const { return impl_->entries; }

void SafetensorsWriter::set_early_writeback(bool early) { impl_->early_writeback = early; }

void SafetensorsWriter::write(std::size_t index, std::uint64_t offset, const void* data,
                              std::size_t size) {
  impl_->file.write_at(impl_->place(index, offset, size), data, size);
  impl_->count(size);
}

void SafetensorsWriter::copy(std::size_t index, std::uint64_t offset, int source,
                             std::uint64_t source_offset, std::uint64_t size) {
  impl_->file.copy_at(impl_->place(index, offset, size), source, source_offset, size);
  impl_->count(size);
}

void SafetensorsWriter::read(std::size_t index, std::uint64_t offset, void* out,
                             std::size_t size) const {
  read_at(impl_->file.descriptor(), impl_->file.target(), impl_->place(index, offset, size), out,
          size);
}

void SafetensorsWriter::commit(bool sync) {
  if (impl_->written != impl_->data_size) {
    throw Error(Status::kInvalidState,
                impl_->file.target().string() + ": " + std::to_string(impl_->written) + " of " +
                    std::to_string(impl_->data_size) + " bytes are written; write each byte once");
  }
  impl_->file.commit(sync);
}

}  // namespace oft
