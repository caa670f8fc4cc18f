#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "oft/export.hpp"

namespace oft {

/// What `check_adapter` found of one layer.
struct CheckedLayer {
  std::string name;
  std::string component;  ///< of the pipeline; empty where the base is a model of its own
  std::string kind;
  std::vector<std::int64_t> shape;
  std::string side;          ///< "input" or "output"
  std::int64_t factors = 0;  ///< rotations that make up the layer's; 1 but for fused and butterfly
  std::int64_t block_size = 0;       ///< of the first factor
  std::int64_t blocks = 0;           ///< of all factors
  double orthogonality_error = 0;    ///< worst ||R^T R - I||_F of its blocks
  std::vector<double> block_angles;  ///< largest angle of each block, radians
  double mean_angle = 0;             ///< over all planes, radians
  /// Hyperspherical energy of the vectors that are turned, before and after: neurons on the input
  /// side, what each input feeds on the output side.
  double energy_before = 0;
  double energy_after = 0;
};

/// How an adapter fits a base model and what it does to it.
struct OFT_EXPORT CheckReport {
  std::string maker;
  std::vector<CheckedLayer> layers;
  std::vector<std::string> missing;   ///< adapter layers without a base weight
  std::vector<std::string> unused;    ///< adapter tensors that nothing announces
  std::vector<std::string> replaced;  ///< base parameters that the adapter replaces
  std::vector<std::string> problems;  ///< why the check fails; empty where all is well
  std::vector<std::string> warnings;

  std::string to_json() const;
};

/// Matches an adapter with a checkpoint and measures each rotation. A layer is a problem where its
/// weight is missing or does not fit, where q is not finite, or where ||R^T R - I||_F exceeds
/// `max_orthogonality_error`.
OFT_EXPORT CheckReport check_adapter(const std::filesystem::path& base,
                                     const std::filesystem::path& adapter,
                                     double max_orthogonality_error = 0.1);

/// What a path holds, as a JSON document: an adapter folder, a checkpoint, a diffusers pipeline or
/// a TorchScript file; `path` may be a name in the Hugging Face cache, too. Throws Error(kParse)
/// naming what it is not.
OFT_EXPORT std::string describe_path(const std::filesystem::path& path);

}  // namespace oft
