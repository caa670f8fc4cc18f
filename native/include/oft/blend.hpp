#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oft/adapter_file.hpp"
#include "oft/export.hpp"

namespace oft {

/// How the rotations R_i of a layer, with weights w_i, become one.
enum class BlendRule {
  /// R = exp(sum w_i log R_i), block by block: angles are scaled, and commuting rotations multiply.
  kGroup,
  /// OrthoMerge for the exact Cayley parameters w_i Q_i of a layer's n adapters:
  /// Q = c/n sum w_i Q_i with c = sum ||w_i Q_i||_F / ||sum w_i Q_i||_F over all blocks, so that
  /// what points different ways does not lose its strength (Sphere-AI-Lab/OrthoMerge,
  /// merge/OrthoMerge_OFT_models.py, there with all w_i = 1).
  kOrthoMerge,
};

struct BlendPart {
  AdapterFile adapter;
  double weight = 1;
};

struct OFT_EXPORT BlendOptions {
  BlendRule rule = BlendRule::kGroup;
  /// A checkpoint, or empty. It gives the layers of foreign files their module paths and tells
  /// which are convolutions, without which OneTrainer's cannot be blended.
  std::filesystem::path base;
  std::string component;  ///< of the pipeline that the base is
  /// Go on past parameters other than rotations on which adapters do not agree: those of the
  /// adapter with the largest weight are taken.
  bool force = false;
  std::optional<c10::ScalarType> dtype =
      std::nullopt;  ///< of q; else float32, float64 where one is

  /// Reads {"rule": "group" | "ortho_merge", "base", "component", "force", "dtype"}. Throws
  /// Error(kParse), Error(kInvalidArgument) naming key, value and remedy.
  static BlendOptions from_json(std::string_view json);
};

struct BlendedLayer {
  std::string name;
  std::string component;
  std::string side;
  std::int64_t adapters = 0;  ///< how many of them turn it
  std::int64_t block_size = 0;
  std::int64_t blocks = 0;  ///< 1 where all share one
  double largest_angle = 0;
  double orthogonality_error = 0;  ///< worst ||R^T R - I||_F, of R in float32
};

struct OFT_EXPORT BlendReport {
  BlendRule rule = BlendRule::kGroup;
  std::string side;  ///< "input" or "output"
  std::vector<BlendedLayer> layers;
  double largest_angle = 0;
  double orthogonality_error = 0;
  std::vector<std::string> replaced;  ///< parameters that the result replaces as a whole
  std::vector<std::string> warnings;

  std::string to_json() const;
};

/// One adapter from one or several: exact Cayley, orthogonal to rounding whatever the formulas of
/// the parts were, without COFT and dropout. Of parts that turn inputs a PEFT adapter, of parts
/// that turn outputs one for LyCORIS; their row scales s become 1 + sum w_i (s_i - 1). A layer that
/// a part does not have counts as the identity there; a product of several factors is blended
/// factor by factor.
///
/// Blocks of b1 count as blocks of b2 where b1 divides b2. Parameters other than rotations (biases,
/// `modules_to_save`) have no power; they are kept where all adapters that have them agree.
/// Throws Error(kInvalidArgument) naming layer and sizes where blocks or sides do not go together,
/// naming parameters on which the parts differ, and where the result turns a plane by half a turn.
OFT_EXPORT AdapterFile blend_adapters(const std::vector<BlendPart>& parts,
                                      const BlendOptions& options = {},
                                      BlendReport* report = nullptr);

}  // namespace oft
