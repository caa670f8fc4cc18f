#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pcre2_real_code_8;

namespace oft {

/// A regular expression as Python's `re` understands it, run by PCRE2. Safe to share between
/// threads.
class Regex {
 public:
  /// Throws Error(kInvalidArgument) naming `field` (where the pattern stands), the pattern, the
  /// byte offset and the reason.
  Regex(std::string_view pattern, std::string_view field);

  /// re.fullmatch.
  bool full_match(std::string_view text) const;
  /// re.match: at the start of the text.
  bool match(std::string_view text) const;
  /// What a named group of the pattern took in re.match; empty where nothing matches or the group
  /// took no part.
  std::optional<std::string_view> match_group(std::string_view text, const char* group) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };

  std::string pattern_;
  std::string field_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace oft
