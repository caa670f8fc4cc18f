#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.hpp"

#include <pcre2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "json_text.hpp"
#include "oft/error.hpp"
#include "python_pattern.hpp"

namespace oft {
namespace {

std::string pcre2_reason(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

PCRE2_SPTR as_subject(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? "" : text.data());
}

struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};
using MatchData = std::unique_ptr<pcre2_match_data, FreeMatch>;

/// Null where the text does not match.
MatchData run(const pcre2_code* code, std::string_view text, std::uint32_t options,
              std::string_view field, std::string_view pattern) {
  MatchData match(pcre2_match_data_create_from_pattern(code, nullptr));
  const int result =
      pcre2_match(code, as_subject(text), text.size(), 0, options, match.get(), nullptr);
  if (result == PCRE2_ERROR_NOMATCH) return nullptr;
  if (result < 0) {
    throw Error(Status::kInvalidArgument, std::string(field) + ": " + quote(pattern) +
                                              " cannot be matched with " + quote(text) + ": " +
                                              pcre2_reason(result));
  }
  return match;
}

}  // namespace

void Regex::Free::operator()(pcre2_code* code) const { pcre2_code_free(code); }

Regex::Regex(std::string_view pattern, std::string_view field) : pattern_(pattern), field_(field) {
  const PythonPattern translated = translate_python_pattern(pattern, field);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(as_subject(translated.text), translated.text.size(),
                            PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  if (code_ == nullptr) {
    throw_malformed_pattern(pattern, field, translated.origins.at(offset), pcre2_reason(error));
  }
}

bool Regex::full_match(std::string_view text) const {
  return run(code_.get(), text, PCRE2_ANCHORED | PCRE2_ENDANCHORED, field_, pattern_) != nullptr;
}

bool Regex::match(std::string_view text) const {
  return run(code_.get(), text, PCRE2_ANCHORED, field_, pattern_) != nullptr;
}

std::optional<std::string_view> Regex::match_group(std::string_view text, const char* group) const {
  const MatchData match = run(code_.get(), text, PCRE2_ANCHORED, field_, pattern_);
  if (match == nullptr) return std::nullopt;
  const int number =
      pcre2_substring_number_from_name(code_.get(), reinterpret_cast<PCRE2_SPTR>(group));
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get()) + std::ptrdiff_t{2} * number;
  if (bounds[0] == PCRE2_UNSET) return std::nullopt;
  return text.substr(bounds[0], bounds[1] - bounds[0]);
}

}  // namespace oft
