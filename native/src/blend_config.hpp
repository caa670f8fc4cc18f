#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "block_config.hpp"
#include "oft/blend.hpp"

namespace oft {

/// The parameters other than rotations on which all adapters that have them agree. Throws
/// Error(kInvalidArgument) naming one on which they do not; with `force` that of the largest weight
/// is taken.
std::map<std::string, at::Tensor> blend_replacements(const std::vector<BlendPart>& parts,
                                                     bool force,
                                                     std::vector<std::string>& warnings);

/// The config of an adapter blended from parts that turn inputs: whose layers, replacements and
/// sharing are known.
OFTConfig blend_config(const std::vector<BlendPart>& parts, const AdapterFile& result,
                       const std::vector<LayerBlocks>& blocks);

}  // namespace oft
