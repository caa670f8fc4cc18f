#include "oft/targets.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "config_fields.hpp"
#include "json_text.hpp"
#include "name_selector.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

constexpr std::string_view kAllLinear = "all-linear";
/// PEFT's word for an adapter that has no layers of its own.
constexpr const char* kNoTargets = "dummy-target-modules";
/// Heads that "all-linear" leaves out of a sequence classifier; the first that exists.
constexpr auto kClassifierHeads = std::to_array<const char*>({"score", "classifier"});

constexpr std::size_t kMaxListed = 10;
constexpr std::size_t kMaxNearest = 5;

std::string to_lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool is_linear(const Layer& layer) {
  return layer.kind == LayerKind::kLinear || layer.kind == LayerKind::kConv1D;
}

/// The head of a transformers model, which "all-linear" leaves out; empty where there is none.
std::string find_head(const OFTConfig& config, const std::vector<Layer>& layers,
                      const ModelFacts& facts) {
  if (!facts.is_pretrained_model) return {};
  if (facts.output_embedding) return *facts.output_embedding;
  if (config.task_type != "SEQ_CLS") return {};
  for (const char* head : kClassifierHeads) {
    if (std::ranges::find(layers, head, &Layer::name) != layers.end()) return head;
  }
  return {};
}

StringOrList resolve_targets(const OFTConfig& config, const std::vector<Layer>& layers,
                             const ModelFacts& facts) {
  if (std::holds_alternative<std::monostate>(config.target_modules)) {
    StringOrList targets = default_target_modules(facts.model_type.value_or(""));
    if (std::holds_alternative<std::monostate>(targets)) {
      const std::string model = facts.model_type ? "model_type " + quote(*facts.model_type)
                                                 : "a model without model_type";
      bad_field("target_modules", nullptr,
                "PEFT has no default for " + model +
                    ": name the layers, such as [\"q_proj\", \"v_proj\"], or give \"all-linear\"");
    }
    return targets;
  }
  const auto* text = std::get_if<std::string>(&config.target_modules);
  if (text == nullptr || to_lower(*text) != kAllLinear) return config.target_modules;

  const std::string head = find_head(config, layers, facts);
  std::vector<std::string> names;
  for (const Layer& layer : layers) {
    if (is_linear(layer) && layer.name != head) names.push_back(layer.name);
  }
  return names;
}

/// The list in words, at most kMaxListed entries of it.
std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), kMaxListed); ++i) {
    text += (i == 0 ? "" : ", ") + items[i];
  }
  if (items.size() > kMaxListed) {
    text += " and " + std::to_string(items.size() - kMaxListed) + " more";
  }
  return text;
}

/// The last segments of a dotted name, as many as `model` has.
std::string tail_like(const std::string& name, const std::string& model) {
  auto dots = std::ranges::count(model, '.') + 1;
  std::size_t start = name.size();
  while (dots > 0 && start != 0 && start != std::string::npos) {
    start = name.rfind('.', start - 1);
    --dots;
  }
  return start == std::string::npos || start == 0 ? name : name.substr(start + 1);
}

/// What the user may have meant, quoted: ends of names for a list, whole names for a pattern.
std::vector<std::string> suggestions(const StringOrList& targets,
                                     const std::vector<Layer>& layers) {
  std::vector<std::string> wanted;
  if (const auto* pattern = std::get_if<std::string>(&targets)) wanted = {*pattern};
  if (const auto* names = std::get_if<std::vector<std::string>>(&targets)) wanted = *names;
  wanted.resize(std::min(wanted.size(), kMaxNearest));
  const bool whole = std::holds_alternative<std::string>(targets);

  std::vector<std::string> found;
  for (const std::string& name : wanted) {
    std::set<std::string> candidates;
    for (const Layer& layer : layers) {
      if (layer.kind == LayerKind::kOther) continue;
      candidates.insert(whole ? layer.name : tail_like(layer.name, name));
    }
    for (const std::string& near :
         nearest_names(name, {candidates.begin(), candidates.end()}, kMaxNearest)) {
      if (std::ranges::find(found, quote(near)) == found.end()) found.push_back(quote(near));
    }
  }
  return found;
}

/// What target_modules named, and what became of it.
struct Tally {
  std::size_t excluded = 0;  // named, but taken away by exclude_modules or modules_to_save
  std::size_t filtered = 0;  // named, but of a layer not in layers_to_transform
  std::vector<std::string> unsupported;
};

[[noreturn]] void fail_nothing_matched(const OFTConfig& config, const StringOrList& targets,
                                       const std::vector<Layer>& layers, const Tally& tally) {
  const std::string total = std::to_string(layers.size()) + " layers";
  const auto of_total = [&](std::size_t count) {
    return "it names " + std::to_string(count) + " of the " + total;
  };
  std::string problem;
  if (tally.filtered > 0) {
    problem = of_total(tally.filtered) + ", but none in layers_to_transform " +
              as_json(config.layers_to_transform).dump() +
              (is_empty(config.layers_pattern)
                   ? ""
                   : " of layers_pattern " + as_json(config.layers_pattern).dump()) +
              "; change layers_to_transform or layers_pattern";
  } else if (tally.excluded > 0) {
    problem = of_total(tally.excluded) +
              ", but exclude_modules or modules_to_save takes them all away; change one of these";
  } else {
    problem = "it names none of the " + total;
    const std::vector<std::string> near = suggestions(targets, layers);
    if (!near.empty()) problem += ", of which the nearest are " + listed(near);
    problem += "; change target_modules";
  }
  bad_field("target_modules", as_json(targets), problem);
}

}  // namespace

std::string_view layer_kind_name(LayerKind kind) {
  switch (kind) {
    case LayerKind::kLinear:
      return "Linear";
    case LayerKind::kConv1D:
      return "Conv1D";
    case LayerKind::kConv1d:
      return "Conv1d";
    case LayerKind::kConv2d:
      return "Conv2d";
    case LayerKind::kEmbedding:
      return "Embedding";
    case LayerKind::kOther:
      break;
  }
  return "Other";
}

std::vector<Match> match_targets(const OFTConfig& config, const std::vector<Layer>& layers,
                                 const ModelFacts& facts) {
  if (config.target_modules == StringOrList(kNoTargets)) return {};
  const StringOrList targets = resolve_targets(config, layers, facts);
  const NameSelector target_names(targets, "target_modules");
  const NameSelector excluded_names(
      is_empty(config.exclude_modules) ? StringOrList() : config.exclude_modules,
      "exclude_modules");
  const SavedModules saved(config);
  const LayerFilter filter(config);
  const RankPatterns ranks(config);

  std::vector<Match> matches;
  Tally tally;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    const Hit hit = layer.name.empty() ? Hit::kNone : target_names.find(layer.name);
    if (hit == Hit::kNone) continue;
    if (excluded_names.find(layer.name) != Hit::kNone || saved.contains(layer.name)) {
      ++tally.excluded;
    } else if (hit == Hit::kSuffix && !filter.admits(layer.name)) {
      ++tally.filtered;
    } else if (layer.kind == LayerKind::kOther) {
      tally.unsupported.push_back(quote(layer.name) +
                                  (layer.class_name.empty() ? "" : " (" + layer.class_name + ")"));
    } else {
      matches.push_back({i, ranks.find(layer.name)});
    }
  }
  if (!tally.unsupported.empty()) {
    bad_field("target_modules", as_json(targets),
              "it names what cannot be rotated: " + listed(tally.unsupported) +
                  "; only Linear, Conv1D, Conv1d, Conv2d and Embedding can: make it name those, or "
                  "add the others to exclude_modules");
  }
  if (matches.empty()) fail_nothing_matched(config, targets, layers, tally);
  return matches;
}

std::optional<std::int64_t> find_rank_pattern(const OFTConfig& config,
                                              const std::string& layer_name) {
  return RankPatterns(config).find(layer_name);
}

}  // namespace oft
