#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oft/config.hpp"

namespace oft {

/// The blocks of one layer, as a config has to make them.
struct LayerBlocks {
  std::string name;
  std::int64_t block_size;
  std::optional<std::int64_t> features;  ///< nothing where shared blocks do not tell
};

/// Sets `r`, `oft_block_size` and `rank_pattern` so that each layer gets its blocks: as one of
/// `candidates` has them, else one number or one size for all, else a `rank_pattern`, of which it
/// warns.
void announce_blocks(OFTConfig& config, const std::vector<OFTConfig>& candidates,
                     const std::vector<LayerBlocks>& layers);

}  // namespace oft
