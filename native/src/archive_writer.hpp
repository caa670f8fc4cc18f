#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>

namespace oft {

/// Takes the next bytes of an archive and returns how many it took.
using ArchiveWriter = std::function<std::size_t(const void*, std::size_t)>;

/// Writes a file atomically that `write` hands over piece by piece, as libtorch's exporters do.
/// Throws Error(kIo), but only after `write`: no exception may pass through those exporters, which
/// are partly C and go on to write when they are destroyed.
void write_archive(const std::filesystem::path& path,
                   const std::function<void(const ArchiveWriter&)>& write);

}  // namespace oft
