#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oft {

/// A regular expression in PCRE2's syntax, made from one in Python's.
struct PythonPattern {
  std::string text;
  /// For each byte of `text`, and its end: the offset in the original.
  std::vector<std::size_t> origins;
};

/// Rewrites what PCRE2 10.x reads differently from Python's `re`: `{,n}`, `\Z`, `\v`, `\uXXXX`,
/// `\UXXXXXXXX`, a `[` inside a class. Refuses what only PCRE2 accepts there: `\K`, `\Q`, `(*VERB)`
/// and the like. Throws Error(kInvalidArgument).
PythonPattern translate_python_pattern(std::string_view pattern, std::string_view field);

[[noreturn]] void throw_malformed_pattern(std::string_view pattern, std::string_view field,
                                          std::size_t offset, const std::string& reason);

}  // namespace oft
