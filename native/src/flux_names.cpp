#include "flux_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oft {
namespace {

/// {diffusers, original}, what follows the number of a block.
constexpr std::array kDouble{
    std::pair{"attn.to_q", "img_attn.qkv.0"},
    std::pair{"attn.to_k", "img_attn.qkv.1"},
    std::pair{"attn.to_v", "img_attn.qkv.2"},
    std::pair{"attn.to_out.0", "img_attn.proj"},
    std::pair{"attn.add_q_proj", "txt_attn.qkv.0"},
    std::pair{"attn.add_k_proj", "txt_attn.qkv.1"},
    std::pair{"attn.add_v_proj", "txt_attn.qkv.2"},
    std::pair{"attn.to_add_out", "txt_attn.proj"},
    std::pair{"ff.net.0.proj", "img_mlp.0"},
    std::pair{"ff.net.2", "img_mlp.2"},
    std::pair{"ff_context.net.0.proj", "txt_mlp.0"},
    std::pair{"ff_context.net.2", "txt_mlp.2"},
    std::pair{"norm1.linear", "img_mod.lin"},
    std::pair{"norm1_context.linear", "txt_mod.lin"},
};
constexpr std::array kSingle{
    std::pair{"attn.to_q", "linear1.0"}, std::pair{"attn.to_k", "linear1.1"},
    std::pair{"attn.to_v", "linear1.2"}, std::pair{"proj_mlp", "linear1.3"},
    std::pair{"proj_out", "linear2"},    std::pair{"norm.linear", "modulation.lin"},
};

/// Of `<prefix>.<number>.<part>`.
template <std::size_t N>
std::optional<std::string> rename(std::string_view path, std::string_view prefix,
                                  const std::string& original,
                                  const std::array<std::pair<const char*, const char*>, N>& parts) {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const auto& part) {
    return path.substr(dot + 1) == part.first;
  });
  if (found == parts.end()) return std::nullopt;
  return original + std::string(path.substr(0, dot + 1)) + found->second;
}

}  // namespace

std::optional<std::string> original_flux_name(std::string_view path) {
  if (auto name = rename(path, "transformer_blocks.", "double_blocks.", kDouble)) return name;
  return rename(path, "single_transformer_blocks.", "single_blocks.", kSingle);
}

}  // namespace oft
