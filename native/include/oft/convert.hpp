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
#include "oft/rotation.hpp"

namespace oft {

/// What an adapter can be written as.
enum class ConvertTarget {
  kPeft,        ///< folder, as PEFT >= 0.18 reads it
  kPeftLegacy,  ///< folder, as PEFT 0.14 and 0.15 read it
  kLycoris,     ///< file, LyCORIS diag-oft or BOFT
  kLora,        ///< folder, PEFT's LoRA: a low-rank approximation of the change of each weight
  kFull,        ///< file, the change of each weight, LyCORIS `diff`
};

/// "peft", "peft-0.15", "lycoris", "lora", "full".
OFT_EXPORT std::string_view convert_target_name(ConvertTarget target);

struct OFT_EXPORT ConvertOptions {
  ConvertTarget to = ConvertTarget::kPeft;
  /// Of the result; empty: that of the adapter. To kCayley the nearest rotation is taken, to
  /// kCayleyNeumann the negated q, for the two turn opposite ways.
  std::optional<Formula> formula = std::nullopt;
  std::filesystem::path base;  ///< checkpoint with the weights, where the target needs them
  std::string component;       ///< of the pipeline that the base is, or that names are to say
  std::int64_t rank = 64;      ///< of LoRA
  bool force = false;  ///< go on past what the format has no place for, layers without base weight,
                       ///< existing targets
  std::optional<c10::ScalarType> dtype = std::nullopt;  ///< of what is written; else unchanged
  bool sync = true;                                     ///< fsync before the rename

  /// Reads {"to", "formula": "cayley" | "cayley_neumann" | null, "base", "component", "rank",
  /// "force", "dtype", "sync"}; "to" is required. Throws Error(kParse), Error(kInvalidArgument)
  /// naming key, value and remedy.
  static ConvertOptions from_json(std::string_view json);
};

struct ConvertedLayer {
  std::string name;
  std::string component;
  std::string side;
  std::int64_t block_size = 0;  ///< of the first factor
  std::int64_t blocks = 0;      ///< of all factors
  /// Of rotations the worst ||R_new - R_old||_F of a block, of what is written and what was read;
  /// of LoRA and differences ||dW_new - dW||_F / ||dW||_F.
  double error = 0;
  std::optional<double> energy_kept = std::nullopt;  ///< LoRA: part of ||dW||_F^2
  std::optional<std::int64_t> rank = std::nullopt;   ///< LoRA: at most the rank asked for
};

struct OFT_EXPORT ConvertReport {
  std::string from;  ///< who wrote the adapter
  ConvertTarget to = ConvertTarget::kPeft;
  std::optional<Formula> formula;  ///< of the result, where it holds rotations
  bool exact = false;              ///< no LoRA, and the error is that of float32, 1e-6 at most
  std::vector<ConvertedLayer> layers;
  double error = 0;                                  ///< worst of all layers
  std::optional<double> energy_kept = std::nullopt;  ///< over all layers
  std::vector<std::string> left_out;                 ///< what `force` left behind
  std::vector<std::filesystem::path> files;
  std::vector<std::string> warnings;
  double seconds = 0;

  std::string to_json() const;
};

/// Writes an adapter in another format, exactly where that has the words for it. The target
/// appears whole or not at all.
/// Throws Error(kUnsupported) with the reason where the format cannot say what the adapter does,
/// Error(kInvalidArgument) where the base is needed and not given or does not fit.
OFT_EXPORT ConvertReport convert_adapter(const AdapterFile& adapter,
                                         const std::filesystem::path& target,
                                         const ConvertOptions& options);

}  // namespace oft
