#include "name_selector.hpp"

#include <algorithm>
#include <charconv>

namespace oft {

NameSelector::NameSelector(const StringOrList& value, std::string_view field) {
  if (const auto* pattern = std::get_if<std::string>(&value)) pattern_.emplace(*pattern, field);
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) {
    names_.insert(names->begin(), names->end());
  }
}

Hit NameSelector::find(std::string_view name) const {
  if (pattern_) return pattern_->full_match(name) ? Hit::kWhole : Hit::kNone;
  if (names_.contains(name)) return Hit::kWhole;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    if (names_.contains(name.substr(dot + 1))) return Hit::kSuffix;
  }
  return Hit::kNone;
}

SavedModules::SavedModules(const OFTConfig& config) {
  if (!config.modules_to_save) return;
  for (const std::string& module : *config.modules_to_save) {
    patterns_.emplace_back("(^|.*\\.)" + module + "($|\\..*)", "modules_to_save");
  }
}

bool SavedModules::contains(std::string_view name) const {
  return std::ranges::any_of(patterns_, [&](const Regex& p) { return p.match(name); });
}

LayerFilter::LayerFilter(const OFTConfig& config) {
  if (const auto* index = std::get_if<std::int64_t>(&config.layers_to_transform)) {
    indexes_ = {*index};
  }
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&config.layers_to_transform)) {
    indexes_ = *list;
  }
  const auto add = [&](const std::string& list_name) {
    patterns_.emplace_back("(?:^|.*?\\.)" + list_name + "\\.(?P<idx>\\d+)\\.", "layers_pattern");
  };
  if (const auto* one = std::get_if<std::string>(&config.layers_pattern); one && !one->empty()) {
    add(*one);
  }
  if (const auto* list = std::get_if<std::vector<std::string>>(&config.layers_pattern)) {
    std::ranges::for_each(*list, add);
  }
  // Without a pattern any numbered module counts, but not one at the root of the model.
  if (patterns_.empty()) {
    patterns_.emplace_back(".*?\\.[^.]*\\.(?P<idx>\\d+)\\.", "layers_pattern");
  }
}

bool LayerFilter::admits(std::string_view name) const {
  if (indexes_.empty()) return true;
  for (const Regex& pattern : patterns_) {
    const auto digits = pattern.match_group(name, "idx");
    if (!digits) continue;
    std::int64_t index = -1;
    std::from_chars(digits->data(), digits->data() + digits->size(), index);
    return std::ranges::find(indexes_, index) != indexes_.end();
  }
  return false;
}

RankPatterns::RankPatterns(const OFTConfig& config) {
  for (const auto& [key, rank] : config.rank_pattern) {
    entries_.emplace_back(Regex("(.*\\.)?(" + key + ")$", "rank_pattern"), rank);
  }
}

std::optional<std::int64_t> RankPatterns::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(entries_, [&](const auto& entry) { return entry.first.match(name); });
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace oft
