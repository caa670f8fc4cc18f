#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oft/config.hpp"
#include "oft/export.hpp"

namespace oft {

/// What holds a weight. The rotated dimension `d` and the layout of the weight follow from it.
enum class LayerKind {
  kLinear,     ///< weight [out, d]
  kConv1D,     ///< transformers' Conv1D (fan_in_fan_out): weight [d, out]
  kConv1d,     ///< weight [out, in/groups, k]; d = in * k
  kConv2d,     ///< weight [out, in/groups, kh, kw]; d = in * kh * kw
  kEmbedding,  ///< weight [rows, d]
  kOther,      ///< cannot be rotated
};

OFT_EXPORT std::string_view layer_kind_name(LayerKind kind);

/// A module of a model, as `named_modules()` lists it.
struct Layer {
  std::string name;  ///< dotted path, unique
  LayerKind kind = LayerKind::kOther;
  std::string class_name;  ///< for messages; may be empty
};

/// What target resolution may know of a model besides its modules.
struct ModelFacts {
  std::optional<std::string> model_type;        ///< `config.json`; picks the default targets
  std::optional<std::string> output_embedding;  ///< left out by "all-linear"
  /// A transformers model: only there does "all-linear" leave out the head.
  bool is_pretrained_model = false;
};

struct Match {
  std::size_t layer;  ///< index into the layers given
  /// The value of `rank_pattern` that applies, else empty.
  std::optional<std::int64_t> rank;
};

/// PEFT's target selection as one pure function, in the order of `layers`. Throws
/// Error(kInvalidArgument) where nothing matches (with the nearest names, and the field to change),
/// where matched modules cannot be rotated (all of them are named), where the architecture has no
/// default, or where a regular expression is malformed.
///
/// PEFT condenses a list of 20 targets or more to the shortest suffixes that hit the same modules,
/// which is what it then saves. That is an optimisation and left out here: the same modules match,
/// except where `layers_to_transform` is set too, which the suffixes obey and whole names do not.
OFT_EXPORT std::vector<Match> match_targets(const OFTConfig& config,
                                            const std::vector<Layer>& layers,
                                            const ModelFacts& facts = {});

/// The `rank_pattern` entry for a layer, as PEFT's LoRA finds one: the first key for which
/// `(.*\.)?key$` matches the name.
OFT_EXPORT std::optional<std::int64_t> find_rank_pattern(const OFTConfig& config,
                                                         const std::string& layer_name);

/// Default `target_modules` of an architecture, or monostate where PEFT knows none.
OFT_EXPORT StringOrList default_target_modules(const std::string& model_type);

/// The `count` names of `candidates` closest to `name` (edit distance), for messages.
OFT_EXPORT std::vector<std::string> nearest_names(const std::string& name,
                                                  const std::vector<std::string>& candidates,
                                                  std::size_t count = 3);

}  // namespace oft
