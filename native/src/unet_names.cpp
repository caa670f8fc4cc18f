#include "unet_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace oft {
namespace {

using Path = std::vector<std::string_view>;

/// {diffusers, original}, whole paths and what follows a resnet's.
constexpr std::array kWhole{
    std::pair{"conv_in", "input_blocks.0.0"},
    std::pair{"time_embedding.linear_1", "time_embed.0"},
    std::pair{"time_embedding.linear_2", "time_embed.2"},
    std::pair{"add_embedding.linear_1", "label_emb.0.0"},
    std::pair{"add_embedding.linear_2", "label_emb.0.2"},
    std::pair{"conv_norm_out", "out.0"},
    std::pair{"conv_out", "out.2"},
};
constexpr std::array kResnet{
    std::pair{"norm1", "in_layers.0"},          std::pair{"conv1", "in_layers.2"},
    std::pair{"norm2", "out_layers.0"},         std::pair{"conv2", "out_layers.3"},
    std::pair{"time_emb_proj", "emb_layers.1"}, std::pair{"conv_shortcut", "skip_connection"},
};

Path split(std::string_view path) {
  Path words;
  while (true) {
    const std::size_t dot = path.find('.');
    words.push_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return words;
    path.remove_prefix(dot + 1);
  }
}

std::string join(const Path& words, std::size_t first) {
  std::string path;
  for (std::size_t i = first; i < words.size(); ++i)
    path += (i == first ? "" : ".") + std::string(words[i]);
  return path;
}

/// The number that a word is, or -1.
std::int64_t number(const Path& words, std::size_t at) {
  if (at >= words.size()) return -1;
  std::int64_t value = -1;
  const char* end = words[at].data() + words[at].size();
  const auto result = std::from_chars(words[at].data(), end, value);
  return result.ec == std::errc() && result.ptr == end ? value : -1;
}

template <std::size_t N>
std::optional<std::string> find(const std::array<std::pair<const char*, const char*>, N>& pairs,
                                std::string_view path, bool to_original) {
  for (const auto& [diffusers, original] : pairs)
    if (path == (to_original ? diffusers : original)) return to_original ? original : diffusers;
  return std::nullopt;
}

/// `prefix` and the rest of a path from word `at` on, with a resnet's parts renamed.
std::optional<std::string> resnet(const std::string& prefix, const Path& path, std::size_t at,
                                  bool to_original) {
  if (at == path.size()) return prefix;
  const auto part = find(kResnet, join(path, at), to_original);
  if (!part) return std::nullopt;
  return prefix + "." + *part;
}

std::string with_rest(const std::string& prefix, const Path& path, std::size_t at) {
  return at == path.size() ? prefix : prefix + "." + join(path, at);
}

std::string text(std::int64_t value) { return std::to_string(value); }

}  // namespace

UNetNames::UNetNames(const std::vector<std::string>& paths) {
  std::int64_t resnets = 0;
  std::int64_t last_input = 0;
  std::optional<std::int64_t> first_downsampler;
  for (const std::string& name : paths) {
    const Path path = split(name);
    if (path[0] == "down_blocks" && number(path, 1) == 0 && path.size() > 3 && path[2] == "resnets")
      resnets = std::max(resnets, number(path, 3) + 1);
    if (path[0] == "up_blocks" && path.size() > 2 && path[2] == "attentions")
      attended_up_blocks_.insert(number(path, 1));
    if (path[0] == "input_blocks") {
      const std::int64_t index = number(path, 1);
      last_input = std::max(last_input, index);
      if (path.size() == 4 && path[3] == "op")
        first_downsampler = std::min(first_downsampler.value_or(index), index);
    }
  }
  block_layers_ = resnets > 0 ? resnets : first_downsampler.value_or(last_input + 1) - 1;
}

std::optional<std::string> UNetNames::other(std::string_view path) const {
  if (block_layers_ <= 0) return std::nullopt;
  for (const bool to_original : {true, false})
    if (auto whole = find(kWhole, path, to_original)) return whole;
  const Path words = split(path);
  if (words.size() < 3) return std::nullopt;
  if (words[0] == "down_blocks" || words[0] == "mid_block" || words[0] == "up_blocks")
    return original(words);
  return diffusers(words);
}

std::optional<std::string> UNetNames::original(const Path& path) const {
  const std::int64_t step = block_layers_ + 1;
  if (path[0] == "mid_block") {
    const std::int64_t index = number(path, 2);
    if (index < 0) return std::nullopt;
    if (path[1] == "resnets") return resnet("middle_block." + text(2 * index), path, 3, true);
    return path[1] == "attentions" ? std::optional(with_rest("middle_block.1", path, 3))
                                   : std::nullopt;
  }
  const bool down = path[0] == "down_blocks";
  const std::int64_t block = number(path, 1);
  const std::int64_t layer = number(path, 3);
  if (block < 0 || layer < 0) return std::nullopt;
  const std::string prefix = down ? "input_blocks." : "output_blocks.";
  const std::string place = prefix + text(block * step + layer + (down ? 1 : 0));
  if (path[2] == "resnets") return resnet(place + ".0", path, 4, true);
  if (path[2] == "attentions") return with_rest(place + ".1", path, 4);
  if (path.size() != 5 || path[4] != "conv") return std::nullopt;
  if (path[2] == "downsamplers") return prefix + text((block + 1) * step) + ".0.op";
  if (path[2] == "upsamplers")
    return prefix + text(block * step + block_layers_) +
           (attended_up_blocks_.contains(block) ? ".2.conv" : ".1.conv");
  return std::nullopt;
}

std::optional<std::string> UNetNames::diffusers(const Path& path) const {
  const std::int64_t step = block_layers_ + 1;
  const std::int64_t index = number(path, 1);
  if (index < 0) return std::nullopt;
  if (path[0] == "middle_block")
    return index == 1 ? with_rest("mid_block.attentions.0", path, 2)
                      : resnet("mid_block.resnets." + text(index / 2), path, 2, false);
  const bool down = path[0] == "input_blocks";
  const std::int64_t part = number(path, 2);
  if ((!down && path[0] != "output_blocks") || part < 0 || (down && index == 0))
    return std::nullopt;
  const std::int64_t place = down ? index - 1 : index;
  const std::string prefix = (down ? "down_blocks." : "up_blocks.") + text(place / step) + ".";
  const std::string last = join(path, 3);
  if (down && last == "op") return prefix + "downsamplers.0.conv";
  if (!down && last == "conv") return prefix + "upsamplers.0.conv";
  const std::string layer = text(place % step);
  if (part == 0) return resnet(prefix + "resnets." + layer, path, 3, false);
  return with_rest(prefix + "attentions." + layer, path, 3);
}

}  // namespace oft
