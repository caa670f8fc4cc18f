#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "oft/error.hpp"

namespace oft {
namespace {

constexpr std::size_t kMaxDepth = 64;

/// nlohmann's lexer has no notion of NaN. Before it reads a text, such words are replaced by
/// numbers spelled as nobody spells them, by which StrictBuilder knows them again.
struct NonFiniteWord {
  std::string_view word;
  std::string_view spelling;
  double value;
};
constexpr auto kNonFiniteWords = std::to_array<NonFiniteWord>({
    {"NaN", "0.000e-000001", std::numeric_limits<double>::quiet_NaN()},
    {"Infinity", "0.000e-000002", std::numeric_limits<double>::infinity()},
    {"-Infinity", "0.000e-000003", -std::numeric_limits<double>::infinity()},
});

std::string spell_non_finite(std::string_view text) {
  std::string result;
  bool in_string = false;
  while (!text.empty()) {
    const auto found = std::ranges::find_if(
        kNonFiniteWords, [&](const NonFiniteWord& known) { return text.starts_with(known.word); });
    if (!in_string && found != kNonFiniteWords.end()) {
      result.append(" ").append(found->spelling).append(" ");
      text.remove_prefix(found->word.size());
      continue;
    }
    if (text.front() == '"') in_string = !in_string;
    const std::size_t taken = in_string && text.front() == '\\' && text.size() > 1 ? 2 : 1;
    result += text.substr(0, taken);
    text.remove_prefix(taken);
  }
  return result;
}

/// Builds a Json from nlohmann's parser events, refusing what parse_json refuses.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(const std::string& source) : source_(source) {}

  Json take() { return std::move(root_); }

  bool null() override { return place(nullptr); }
  bool boolean(bool value) override { return place(value); }
  bool number_integer(number_integer_t value) override { return place(value); }
  bool number_unsigned(number_unsigned_t value) override { return place(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    const auto found = std::ranges::find(kNonFiniteWords, text, &NonFiniteWord::spelling);
    if (found != kNonFiniteWords.end()) return place(found->value);
    // The parser falls back to double where an integer does not fit.
    if (text.find_first_of(".eE") == std::string::npos) fail("the integer " + text + " is too big");
    return place(value);
  }
  bool string(string_t& value) override { return place(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    open(Json::object());
    return true;
  }
  bool key(string_t& name) override {
    if (!open_.back().keys.insert(name).second) fail("the key " + quote(name) + " occurs twice");
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override {
    open(Json::array());
    return true;
  }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t, const std::string& token,
                   const nlohmann::json::exception& exception) override {
    std::string reason = parse_failure(exception);
    if (token.ends_with('N') || token.ends_with('I')) reason += " (NaN and Infinity are not JSON)";
    fail("malformed JSON: " + reason);
  }

 private:
  struct Container {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(Status::kParse, source_ + ": " + problem);
  }

  /// Puts a value where it belongs. Appends to an object without looking its key up.
  template <typename Value>
  bool place(Value&& value) {
    if (open_.empty()) {
      root_ = Json(std::forward<Value>(value));
      last_ = &root_;
    } else if (open_.back().value->is_array()) {
      last_ = &open_.back().value->emplace_back(std::forward<Value>(value));
    } else {
      auto& members = open_.back().value->get_ref<Json::object_t&>();
      members.push_back({key_, Json(std::forward<Value>(value))});
      last_ = &members.back().second;
    }
    return true;
  }

  void open(Json container) {
    if (open_.size() == kMaxDepth) fail("more than " + std::to_string(kMaxDepth) + " levels");
    place(std::move(container));
    open_.push_back({last_, {}});
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const std::string& source_;
  Json root_;
  Json* last_ = nullptr;  // the value placed last
  std::vector<Container> open_;
  std::string key_;
};

/// repr(float): the shortest digits that read back, in fixed notation for 1e-4 <= |value| < 1e16.
std::string python_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char text[32];
  const auto written =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  std::string scientific(text, written.ptr);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  if (exponent < -4 || exponent >= 16) return scientific;
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
  std::string fixed(text, end);
  return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

std::string python_string(const std::string& value) {
  try {
    return Json(value).dump(-1, ' ', true);
  } catch (const nlohmann::json::type_error&) {
    throw Error(Status::kInvalidArgument, "text " + quote(value) + " is not UTF-8");
  }
}

void dump(const Json& value, std::size_t indent, std::string& out) {
  if (!value.is_structured() || value.empty()) {
    if (value.is_string()) {
      out += python_string(value.get_ref<const std::string&>());
    } else {
      out += value.is_number_float() ? python_float(value.get<double>()) : value.dump();
    }
    return;
  }
  const auto new_line = [&out](std::size_t spaces) { out.append(1, '\n').append(spaces, ' '); };
  out += value.is_object() ? '{' : '[';
  const char* separator = "";
  for (const auto& [key, member] : value.items()) {
    out += std::exchange(separator, ",");
    new_line(indent + 2);
    if (value.is_object()) out += python_string(key) + ": ";
    dump(member, indent + 2, out);
  }
  new_line(indent);
  out += value.is_object() ? '}' : ']';
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source, NonFinite non_finite) {
  require_no_nul(text, source);
  StrictBuilder builder(source);
  if (non_finite == NonFinite::kAccept) {
    Json::sax_parse(spell_non_finite(text), &builder);
  } else {
    Json::sax_parse(text, &builder);
  }
  return builder.take();
}

std::string dump_like_python(const Json& value) {
  std::string out;
  dump(value, 0, out);
  return out;
}

Json with_sorted_keys(const Json& value) {
  if (!value.is_structured()) return value;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, member] : value.items()) {
    members.emplace_back(key, with_sorted_keys(member));
  }
  Json result = value.is_object() ? Json::object() : Json::array();
  if (value.is_array()) {
    for (auto& [index, member] : members) result.push_back(std::move(member));
    return result;
  }
  std::ranges::sort(
      members, {}, [](const auto& member) -> const auto& { return member.first; });
  for (auto& [key, member] : members) result[key] = std::move(member);
  return result;
}

std::string parse_failure(const nlohmann::json::exception& exception) {
  std::string text = exception.what();
  text.erase(0, text.find("] ") + 2);
  constexpr std::string_view place = "parse error at ";
  if (text.starts_with(place)) text.erase(0, place.size());
  const std::size_t bytes = text.find("; last read: '");
  if (bytes != std::string::npos) text.erase(bytes, text.rfind('\'') + 1 - bytes);
  return text;
}

void require_no_nul(std::string_view text, const std::string& source) {
  const std::size_t at = text.find('\0');
  if (at == std::string_view::npos) return;
  throw Error(Status::kParse,
              source + ": malformed JSON: a NUL byte at offset " + std::to_string(at));
}

std::string quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace oft
