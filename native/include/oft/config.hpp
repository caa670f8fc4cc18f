#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "oft/export.hpp"

namespace oft {

/// A field that PEFT types as `list[str] | str | None`. A plain string in `target_modules` and
/// `exclude_modules` is a regular expression (Python syntax, full match), a list holds names.
using StringOrList = std::variant<std::monostate, std::string, std::vector<std::string>>;

/// `list[int] | int | None`.
using IntOrList = std::variant<std::monostate, std::int64_t, std::vector<std::int64_t>>;

/// Where a config text comes from decides what an absent key means. The text of a file does not
/// tell which PEFT wrote it (`peft_version` exists since 0.18); its tensors do.
enum class ConfigSource {
  kUser,               ///< written for oft: absent keys take oft's defaults (exact Cayley, r = 8)
  kAdapterFile,        ///< beside tensors `oft_R`, PEFT >= 0.16: its defaults (Neumann, r = 0)
  kLegacyAdapterFile,  ///< beside tensors `oft_r`, PEFT 0.14 and 0.15: always exact Cayley, r = 8
};

/// `peft.OFTConfig`: how an OFT adapter is shaped and where it goes.
///
/// Exactly one of `r` (number of blocks) and `oft_block_size` is non-zero; the other follows, layer
/// by layer, from the rotated dimension. A user's text may give just one: it clears the other.
struct OFT_EXPORT OFTConfig {
  std::optional<std::string> task_type;
  std::string auto_mapping = "null";  ///< JSON text: an object or null, kept as it is
  /// Empty for a file that names none (PEFT <= 0.17); the key is then not written either, so that
  /// the file's Neumann series stays the old one.
  std::optional<std::string> peft_version = "0.21.0";
  std::optional<std::string> base_model_name_or_path;
  std::optional<std::string> revision;
  bool inference_mode = false;

  std::int64_t r = 8;
  std::int64_t oft_block_size = 0;
  double module_dropout = 0.0;  ///< probability, in [0, 1]
  StringOrList target_modules;
  bool fan_in_fan_out = false;  ///< the weight is stored [in, out], as transformers' Conv1D does
  std::string bias = "none";    ///< none, all, oft_only
  StringOrList exclude_modules;
  bool init_weights = true;  ///< true: R = I; false: q ~ N(0, 0.1)
  IntOrList layers_to_transform;
  StringOrList layers_pattern;
  std::optional<std::vector<std::string>> modules_to_save;

  bool coft = false;
  double eps = 6e-5;  ///< COFT: ||Q||_F of a block stays within eps / sqrt(rows of q)
  bool block_share = false;
  bool use_cayley_neumann = false;
  std::int64_t num_cayley_neumann_terms = 5;

  /// Per-layer `r` (or block size, where `oft_block_size` is the one given), by layer name or
  /// regular expression, in file order; PEFT's OFT has no such field and ignores it.
  std::vector<std::pair<std::string, std::int64_t>> rank_pattern;
  /// Accepted and kept; a rotation has no scale, so it is without effect.
  std::vector<std::pair<std::string, double>> alpha_pattern;

  std::string unknown_keys = "{}";    ///< JSON object of the keys that oft does not know
  std::vector<std::string> warnings;  ///< what parsing found odd; never written

  /// Parses and validates. Throws Error(kParse) for malformed JSON (NaN and Infinity included),
  /// Error(kInvalidArgument) naming field, value and remedy for a bad value, Error(kUnsupported)
  /// for an adapter of PEFT <= 0.13 or of another method.
  static OFTConfig from_json(std::string_view json, ConfigSource source);

  /// The text PEFT writes: keys in ASCII order, two spaces, non-ASCII escaped, every key explicit.
  /// `rank_pattern` and `alpha_pattern` appear only when they hold something, and keep their order,
  /// for the first pattern that matches counts. Validates first.
  std::string to_json() const;

  /// Throws Error(kInvalidArgument) where a field is out of its range or contradicts another.
  void validate() const;

  /// True where `peft_version` is absent or below 0.18.0, whose Neumann series ends in 2 Q^(n-1).
  bool has_legacy_neumann() const;
};

/// The block size b that PEFT uses for a rotated dimension `features`; `features / b` blocks
/// follow. Where `oft_block_size` (or `r`, whichever is set) divides `features` it counts; else the
/// nearest divisor does, ties downwards; one that exceeds `features` becomes `features`.
/// `requested` replaces the config's number (a `rank_pattern` hit). Throws Error(kInvalidArgument)
/// unless `features` and the number are positive.
OFT_EXPORT std::int64_t resolve_block_size(const OFTConfig& config, std::int64_t features,
                                           std::optional<std::int64_t> requested = std::nullopt);

}  // namespace oft
