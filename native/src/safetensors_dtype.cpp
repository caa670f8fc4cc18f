#include <algorithm>
#include <array>
#include <string>
#include <tuple>

#include "safetensors_header.hpp"

namespace oft {
namespace {

struct DTypeInfo {
  std::string_view name;
  std::size_t size;
};

/// By the number of the enumerator.
constexpr auto kDTypes = std::to_array<DTypeInfo>({
    {"BOOL", 1},    {"U8", 1},          {"I8", 1},          {"F8_E5M2", 1}, {"F8_E4M3", 1},
    {"F8_E8M0", 1}, {"F8_E4M3FNUZ", 1}, {"F8_E5M2FNUZ", 1}, {"I16", 2},     {"U16", 2},
    {"F16", 2},     {"BF16", 2},        {"I32", 4},         {"U32", 4},     {"F32", 4},
    {"C64", 8},     {"F64", 8},         {"I64", 8},         {"U64", 8},
});
static_assert(kDTypes.size() == static_cast<std::size_t>(SafetensorsDType::kU64) + 1);

const DTypeInfo& info(SafetensorsDType dtype) {
  return kDTypes.at(static_cast<std::size_t>(dtype));
}

}  // namespace

std::size_t dtype_size(SafetensorsDType dtype) { return info(dtype).size; }

std::string_view dtype_name(SafetensorsDType dtype) { return info(dtype).name; }

std::optional<SafetensorsDType> parse_dtype(std::string_view name) {
  const auto found = std::ranges::find(kDTypes, name, &DTypeInfo::name);
  if (found == kDTypes.end()) return std::nullopt;
  return static_cast<SafetensorsDType>(found - kDTypes.begin());
}

std::int64_t SafetensorsEntry::numel() const {
  std::int64_t product = 1;
  for (const std::int64_t dimension : shape) product *= dimension;
  return product;
}

std::optional<std::uint64_t> tensor_bytes(SafetensorsDType dtype,
                                          const std::vector<std::int64_t>& shape) {
  // In int64, as shapes are: what fits here fits an offset too.
  auto bytes = static_cast<std::int64_t>(dtype_size(dtype));
  for (const std::int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, dimension, &bytes)) return std::nullopt;
  }
  return static_cast<std::uint64_t>(bytes);
}

std::string describe(SafetensorsDType dtype, const std::vector<std::int64_t>& shape) {
  std::string text(dtype_name(dtype));
  const char* separator = " [";
  for (const std::int64_t dimension : shape) {
    text += separator + std::to_string(dimension);
    separator = ",";
  }
  return text + (shape.empty() ? " []" : "]");
}

void sort_as_safetensors(std::vector<SafetensorsEntry>& entries) {
  std::ranges::sort(entries, [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(b.dtype, a.name) < std::tie(a.dtype, b.name);
  });
}

}  // namespace oft
