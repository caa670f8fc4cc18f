#include "peft_version.hpp"

#include <charconv>
#include <limits>
#include <string>

#include "json_text.hpp"
#include "oft/error.hpp"
#include "regex.hpp"

namespace oft {
namespace {

/// PEP 440, appendix B.
constexpr std::string_view kVersion =
    R"((?i)\s*v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*))"
    R"((?P<pre>[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc)[-_.]?[0-9]*)?)"
    R"((?P<post>-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?)"
    R"((?P<dev>[-_.]?dev[-_.]?[0-9]*)?)"
    R"((?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\s*\Z)";

std::int64_t number(std::string_view digits) {
  std::int64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return result.ec == std::errc() ? value : std::numeric_limits<std::int64_t>::max();
}

/// The numbers of a release segment, without the zeros at its end, which do not count.
std::vector<std::int64_t> significant(std::vector<std::int64_t> release) {
  while (!release.empty() && release.back() == 0) release.pop_back();
  return release;
}

std::vector<std::int64_t> parse_release(std::string_view text) {
  std::vector<std::int64_t> release;
  while (true) {
    const std::size_t dot = text.find('.');
    release.push_back(number(text.substr(0, dot)));
    if (dot == std::string_view::npos) return release;
    text.remove_prefix(dot + 1);
  }
}

struct Version {
  std::int64_t epoch = 0;
  std::vector<std::int64_t> release;
  bool is_before_final = false;  // a pre-release, or a development version of the final one
};

Version parse(std::string_view text) {
  static const Regex pattern(kVersion, "PEP 440");
  const std::string_view version = text.substr(0, text.find('@'));
  const auto release = pattern.match_group(version, "release");
  if (!release) {
    throw Error(Status::kInvalidArgument,
                "peft_version is " + quote(text) + "; it must be a version such as \"0.21.0\"");
  }
  const bool is_post = pattern.match_group(version, "post").has_value();
  const bool is_dev = pattern.match_group(version, "dev").has_value();
  return {number(pattern.match_group(version, "epoch").value_or("0")),
          significant(parse_release(*release)),
          pattern.match_group(version, "pre").has_value() || (is_dev && !is_post)};
}

}  // namespace

void require_peft_version(std::string_view version) { parse(version); }

bool peft_precedes(std::string_view version, const std::vector<std::int64_t>& release) {
  const Version given = parse(version);
  const std::vector<std::int64_t> wanted = significant(release);
  if (given.epoch > 0) return false;
  return given.release == wanted ? given.is_before_final : given.release < wanted;
}

}  // namespace oft
