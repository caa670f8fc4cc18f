#include "block_config.hpp"

#include <algorithm>
#include <map>

#include "oft/targets.hpp"

namespace oft {
namespace {

bool makes_blocks(const OFTConfig& config, const LayerBlocks& layer) {
  const auto requested = find_rank_pattern(config, layer.name);
  // Any number of features does that the config's blocks divide.
  const std::int64_t least = config.oft_block_size != 0
                                 ? layer.block_size
                                 : layer.block_size * requested.value_or(config.r);
  return resolve_block_size(config, layer.features.value_or(least), requested) == layer.block_size;
}

bool makes_all_blocks(const OFTConfig& config, const std::vector<LayerBlocks>& layers) {
  return std::all_of(layers.begin(), layers.end(),
                     [&](const LayerBlocks& layer) { return makes_blocks(config, layer); });
}

void set_blocks(OFTConfig& config, std::int64_t r, std::int64_t block_size) {
  config.r = r;
  config.oft_block_size = block_size;
  config.rank_pattern.clear();
}

std::int64_t most_frequent(const std::vector<LayerBlocks>& layers) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const LayerBlocks& layer : layers) ++counts[layer.block_size];
  return std::max_element(
             counts.begin(), counts.end(),
             [](const auto& left, const auto& right) { return left.second < right.second; })
      ->first;
}

/// Every layer by its name: a key also fits names that end in it, so longer ones come first.
std::vector<std::pair<std::string, std::int64_t>> pattern_of(
    const std::vector<LayerBlocks>& layers) {
  std::vector<std::pair<std::string, std::int64_t>> pattern;
  for (const LayerBlocks& layer : layers) pattern.emplace_back(layer.name, layer.block_size);
  std::stable_sort(pattern.begin(), pattern.end(), [](const auto& left, const auto& right) {
    return left.first.size() > right.first.size();
  });
  return pattern;
}

}  // namespace

void announce_blocks(OFTConfig& config, const std::vector<OFTConfig>& candidates,
                     const std::vector<LayerBlocks>& layers) {
  if (layers.empty()) return;
  for (const OFTConfig& candidate : candidates) {
    if (!makes_all_blocks(candidate, layers)) continue;
    set_blocks(config, candidate.r, candidate.oft_block_size);
    config.rank_pattern = candidate.rank_pattern;
    return;
  }
  const LayerBlocks& first = layers.front();
  if (first.features) {
    set_blocks(config, *first.features / first.block_size, 0);
    if (makes_all_blocks(config, layers)) return;
  }
  set_blocks(config, 0, most_frequent(layers));
  if (makes_all_blocks(config, layers)) return;
  config.rank_pattern = pattern_of(layers);
  config.warnings.emplace_back(
      "the layers' block sizes differ as no r or oft_block_size has them; rank_pattern names each, "
      "which oft reads and PEFT ignores");
}

}  // namespace oft
