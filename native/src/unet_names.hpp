#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oft {

/// The two names of each module in a Stable Diffusion 1, 2 or XL UNet: `down_blocks.0.resnets.1` of
/// diffusers is `input_blocks.2.0` of CompVis' and Stability's code, which kohya's tools use for
/// XL. How blocks are counted follows from the model itself.
class UNetNames {
 public:
  /// @param paths of the UNet's modules, in either scheme
  explicit UNetNames(const std::vector<std::string>& paths);

  /// The path in the other scheme; nothing where the module is none of a UNet, or the other scheme
  /// calls it the same.
  std::optional<std::string> other(std::string_view path) const;

 private:
  std::optional<std::string> original(const std::vector<std::string_view>& path) const;
  std::optional<std::string> diffusers(const std::vector<std::string_view>& path) const;

  std::int64_t block_layers_ = 0;              // resnets of a block on the way down; 0: no UNet
  std::set<std::int64_t> attended_up_blocks_;  // those of diffusers' paths
};

}  // namespace oft
