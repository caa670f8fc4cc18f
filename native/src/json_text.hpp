#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace oft {

/// JSON whose objects keep the order of their keys.
using Json = nlohmann::ordered_json;

/// What to do with NaN, Infinity and -Infinity, which Python writes and JSON does not know.
enum class NonFinite { kRefuse, kAccept };

/// Parses JSON as its standard has it, and stricter than Python: UTF-8 only, no key twice in an
/// object, no integer beyond 64 bits, at most 64 levels. Throws Error(kParse) whose text begins
/// with `source`, the name of what is parsed.
Json parse_json(std::string_view text, const std::string& source,
                NonFinite non_finite = NonFinite::kRefuse);

/// The text of Python's json.dumps(value, indent=2): non-ASCII escaped, floats as repr has them.
/// Throws Error(kInvalidArgument) where a string is not UTF-8.
std::string dump_like_python(const Json& value);

/// `value` with the keys of all objects in it sorted, as json.dumps(sort_keys=True) does.
Json with_sorted_keys(const Json& value);

/// Where and why nlohmann's parser stopped, without its own prefix and without the bytes read.
std::string parse_failure(const nlohmann::json::exception& exception);

/// Throws Error(kParse) for a NUL byte, which nlohmann's parser takes for the end of the text.
void require_no_nul(std::string_view text, const std::string& source);

/// `text` in JSON's quotes, for messages; what is not UTF-8 is replaced.
std::string quote(std::string_view text);

}  // namespace oft
