#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oft/safetensors.hpp"

namespace oft {

/// The longest header that the safetensors library writes or reads.
inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

/// The file begins with the header's length, a little-endian uint64.
inline constexpr std::uint64_t kSafetensorsPrefixBytes = 8;

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of their data
  std::map<std::string, std::string> metadata;
};

/// Parses a header and checks every entry against `data_size` bytes of data. `file` begins the text
/// of each Error(kParse).
SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::string& file);

/// The start of a file, length included, padded with spaces to a multiple of 8 bytes. Throws
/// Error(kInvalidArgument) where a name is not UTF-8 or the header exceeds its limit.
std::string format_safetensors_header(const std::vector<SafetensorsEntry>& entries,
                                      const std::map<std::string, std::string>& metadata);

std::optional<SafetensorsDType> parse_dtype(std::string_view name);

/// Bytes of a tensor, or empty where they exceed 64 bits or a dimension is negative.
std::optional<std::uint64_t> tensor_bytes(SafetensorsDType dtype,
                                          const std::vector<std::int64_t>& shape);

/// "F32 [2,3]", for messages.
std::string describe(SafetensorsDType dtype, const std::vector<std::int64_t>& shape);

}  // namespace oft
