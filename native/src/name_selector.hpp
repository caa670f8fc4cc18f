#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oft/config.hpp"
#include "regex.hpp"

namespace oft {

enum class Hit {
  kNone,
  kSuffix,  ///< the name ends in "." and an entry of the list
  kWhole,   ///< the name is an entry, or matches the regular expression
};

/// The meaning of `target_modules` and `exclude_modules`: a text is a regular expression for the
/// whole name, a list holds names or their ends.
class NameSelector {
 public:
  NameSelector(const StringOrList& value, std::string_view field);

  Hit find(std::string_view name) const;

 private:
  std::optional<Regex> pattern_;
  std::set<std::string, std::less<>> names_;
};

/// `modules_to_save`: each entry, a regular expression without dots at its ends, stands for the
/// modules of that name and all within them.
class SavedModules {
 public:
  explicit SavedModules(const OFTConfig& config);

  bool contains(std::string_view name) const;

 private:
  std::vector<Regex> patterns_;
};

/// `layers_to_transform` and `layers_pattern`: the first number in a name that stands for a layer
/// must be one of those given.
class LayerFilter {
 public:
  explicit LayerFilter(const OFTConfig& config);

  /// True for every name where the config restricts nothing.
  bool admits(std::string_view name) const;

 private:
  std::vector<std::int64_t> indexes_;
  std::vector<Regex> patterns_;
};

/// `rank_pattern`: the value of the first entry that matches the end of a name, from a dot on.
class RankPatterns {
 public:
  explicit RankPatterns(const OFTConfig& config);

  std::optional<std::int64_t> find(std::string_view name) const;

 private:
  std::vector<std::pair<Regex, std::int64_t>> entries_;
};

}  // namespace oft
