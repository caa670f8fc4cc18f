#include "oft/config.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "config_fields.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "peft_version.hpp"

namespace oft {
namespace {

constexpr auto kTaskTypes = std::to_array<std::string_view>(
    {"SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION"});
constexpr auto kBiases = std::to_array<std::string_view>({"none", "all", "oft_only"});

template <std::size_t N>
void require_one_of(const char* field, const std::string& value,
                    const std::array<std::string_view, N>& choices) {
  if (std::ranges::find(choices, value) != choices.end()) return;
  std::string remedy = "it must be one of";
  for (const std::string_view choice : choices) remedy += " \"" + std::string(choice) + "\"";
  bad_field(field, value, remedy);
}

void validate_size(const OFTConfig& config) {
  if (config.r < 0) bad_field("r", config.r, "it is the number of blocks: give 1 or more");
  if (config.oft_block_size < 0) {
    bad_field("oft_block_size", config.oft_block_size, "give 2 or more");
  }
  if (config.r != 0 && config.oft_block_size != 0) {
    bad_field("r", config.r,
              "oft_block_size is " + std::to_string(config.oft_block_size) +
                  ": only one of them can be given, for the other follows; set one to 0");
  }
  if (config.r == 0 && config.oft_block_size == 0) {
    bad_field("r", config.r, "oft_block_size is 0 too: one of them must say how large blocks are");
  }
}

void validate_layers(const OFTConfig& config) {
  const auto require_index = [](std::int64_t index) {
    if (index < 0) bad_field("layers_to_transform", index, "layers are counted from 0");
  };
  if (const auto* index = std::get_if<std::int64_t>(&config.layers_to_transform)) {
    require_index(*index);
  }
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&config.layers_to_transform)) {
    std::ranges::for_each(*list, require_index);
  }
  const bool has_layers = !std::holds_alternative<std::monostate>(config.layers_to_transform);
  if (!is_empty(config.layers_pattern) && !has_layers) {
    bad_field("layers_pattern", as_json(config.layers_pattern),
              "it has a meaning only with layers_to_transform: set that too, or drop this");
  }
}

void validate_patterns(const OFTConfig& config) {
  for (const auto& [pattern, rank] : config.rank_pattern) {
    if (rank <= 0) bad_field("rank_pattern", rank, quote(pattern) + " must be given 1 or more");
  }
  for (const auto& [pattern, alpha] : config.alpha_pattern) {
    if (!std::isfinite(alpha)) {
      bad_field("alpha_pattern", alpha, quote(pattern) + " must be finite");
    }
  }
}

/// PEFT's adjust_oft_parameters: `wanted`, or the divisor of `features` nearest to it.
std::int64_t nearest_divisor(std::int64_t features, std::int64_t wanted) {
  if (wanted >= features) return features;
  std::int64_t higher = features;
  std::int64_t lower = 1;
  for (std::int64_t small = 1; small <= features / small; ++small) {
    if (features % small != 0) continue;
    for (const std::int64_t divisor : {small, features / small}) {
      if (divisor >= wanted) higher = std::min(higher, divisor);
      if (divisor <= wanted) lower = std::max(lower, divisor);
    }
  }
  return wanted - lower <= higher - wanted ? lower : higher;
}

}  // namespace

void OFTConfig::validate() const {
  if (task_type) require_one_of("task_type", *task_type, kTaskTypes);
  validate_size(*this);
  if (!(module_dropout >= 0 && module_dropout <= 1)) {
    bad_field("module_dropout", module_dropout, "it is a probability: give 0 to 1");
  }
  require_one_of("bias", bias, kBiases);
  validate_layers(*this);
  if (!std::isfinite(eps) || eps < 0) {
    bad_field("eps", eps, "it bounds a norm: give a finite number above 0, such as 6e-05");
  }
  if (coft && eps == 0) {
    bad_field("eps", eps, "coft with it would allow no rotation; raise it, or set coft to false");
  }
  if (num_cayley_neumann_terms < 0) {
    bad_field("num_cayley_neumann_terms", num_cayley_neumann_terms, "give 2 or more, such as 5");
  }
  validate_patterns(*this);
  if (peft_version) require_peft_version(*peft_version);
}

bool OFTConfig::has_legacy_neumann() const {
  return !peft_version || peft_precedes(*peft_version, {0, 18, 0});
}

std::int64_t resolve_block_size(const OFTConfig& config, std::int64_t features,
                                std::optional<std::int64_t> requested) {
  if (features <= 0) {
    throw Error(Status::kInvalidArgument, "a rotated dimension of " + std::to_string(features) +
                                              " has no blocks; it must be 1 or more");
  }
  const bool counts_blocks = config.r != 0;
  const std::int64_t wanted = requested.value_or(counts_blocks ? config.r : config.oft_block_size);
  if (wanted <= 0) {
    bad_field(requested ? "rank_pattern" : "oft_block_size", wanted, "give 1 or more");
  }
  const std::int64_t divisor = nearest_divisor(features, wanted);
  return counts_blocks ? features / divisor : divisor;
}

}  // namespace oft
