#include "foreign_keys.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oft {
namespace {

constexpr std::array<std::string_view, 6> kTensors{
    ".oft_blocks", ".oft_diag", ".rescale", ".alpha", ".oft_R.weight", ".oft_R.scaled_oft"};
constexpr std::string_view kPart = ".oft_blocks.";

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kMarks{{
    {".lora_down.", "LoRA"},
    {".lora_up.", "LoRA"},
    {".lora_A.", "LoRA"},
    {".lora_B.", "LoRA"},
    {".lora.", "LoRA"},
    {".hada_w", "LoHa"},
    {".lokr_w", "LoKr"},
    {".a1.weight", "GLoRA"},
    {".b1.weight", "GLoRA"},
    {".on_input", "IA3"},
}};

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<ForeignKey> cut_foreign_key(std::string_view key) {
  for (const std::string_view tensor : kTensors)
    if (key.ends_with(tensor) && key.size() > tensor.size())
      return ForeignKey{std::string(key.substr(0, key.size() - tensor.size())),
                        std::string(tensor.substr(1))};
  const std::size_t at = key.rfind(kPart);
  if (at == std::string_view::npos || at == 0 || !is_digits(key.substr(at + kPart.size())))
    return std::nullopt;
  return ForeignKey{std::string(key.substr(0, at)), std::string(key.substr(at + 1))};
}

bool is_rotation_key(std::string_view key) {
  const auto parts = cut_foreign_key(key);
  return (parts && parts->tensor.starts_with("oft_")) || key.ends_with(".oft_r") ||
         key.find(".oft_R.") != std::string_view::npos ||
         key.find(".oft_embedding_R.") != std::string_view::npos;
}

std::string other_method(std::string_view key) {
  for (const auto& [mark, method] : kMarks)
    if (key.find(mark) != std::string_view::npos) return std::string(method);
  return "";
}

}  // namespace oft
