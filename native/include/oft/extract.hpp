#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "oft/adapter_file.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/config.hpp"
#include "oft/export.hpp"

namespace oft {

struct OFT_EXPORT ExtractOptions {
  std::string component;                           ///< of pipelines: the folder to compare
  c10::ScalarType dtype = c10::ScalarType::Float;  ///< of q

  /// Reads {"component", "dtype"}. Throws Error(kParse), Error(kInvalidArgument).
  static ExtractOptions from_json(std::string_view json);
};

struct ExtractedLayer {
  std::string name;
  std::string kind;
  std::vector<std::int64_t> shape;
  std::int64_t block_size = 0;
  std::int64_t blocks = 0;
  double change = 0;           ///< ||W' - W||_F
  double relative_change = 0;  ///< of ||W||_F
  double residual = 0;         ///< ||W' - W R^T||_F, R as stored
  double explained = 0;        ///< 1 - residual^2 / change^2
  double largest_angle = 0;    ///< radians
  /// Blocks whose nearest rotation makes half a turn, for which the formula has no q: held just
  /// below.
  std::int64_t held_blocks = 0;
};

struct OFT_EXPORT ExtractReport {
  std::vector<ExtractedLayer> layers;
  double explained = 0;  ///< over all layers
  double largest_angle = 0;
  std::vector<std::string> unchanged;  ///< target layers with equal weights; their q is 0
  std::vector<std::string> changed;    ///< other tensors that differ, which no rotation covers
  std::vector<std::string> missing;    ///< tensors that only the base has
  std::vector<std::string> added;      ///< tensors that only the tuned model has
  std::vector<std::string> warnings;
  double seconds = 0;

  std::string to_json() const;
};

/// The OFT adapter that comes nearest to taking the weights of `base` to those of `tuned`: for each
/// block the rotation that minimises ||W'_k - W_k R_k^T||_F (orthogonal Procrustes problem with
/// det R = 1; Schoenemann 1966, Kabsch 1976), in float64, where the weights leave R_k open the
/// nearest to the identity. Layers are those that `config` targets, or all whose weights differ
/// where it has no target_modules; one is in memory at a time. Their kinds are those of
/// Checkpoint::layers, which knows embeddings by their names.
///
/// Throws Error(kInvalidArgument) for a config with COFT or a Neumann series, for checkpoints of
/// which no targeted layer differs, for weights that are not finite; Error(kCancelled).
OFT_EXPORT AdapterFile extract_adapter(const std::filesystem::path& base,
                                       const std::filesystem::path& tuned, OFTConfig config,
                                       const ExtractOptions& options = {},
                                       ExtractReport* report = nullptr,
                                       const ProgressFunction& progress = nullptr);

}  // namespace oft
