#include "config_fields.hpp"

#include <limits>

#include "oft/error.hpp"

namespace oft {
namespace {

constexpr std::size_t kMaxShownBytes = 120;

std::int64_t to_int(const char* field, const Json& value) {
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() &&
                      value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max());
  if (!fits) bad_field(field, value, "it must be an integer, without quotes or fraction");
  return value.get<std::int64_t>();
}

double to_double(const char* field, const Json& value) {
  if (!value.is_number()) bad_field(field, value, "it must be a number, without quotes");
  return value.get<double>();
}

std::vector<std::string> to_names(const char* field, const Json& value, const char* remedy) {
  if (!value.is_array()) bad_field(field, value, remedy);
  std::vector<std::string> names;
  for (const Json& name : value) {
    if (!name.is_string()) bad_field(field, value, remedy);
    names.push_back(name.get<std::string>());
  }
  return names;
}

template <typename Number, typename Convert>
std::vector<std::pair<std::string, Number>> to_pattern(const char* field, const Json& value,
                                                       Convert convert) {
  std::vector<std::pair<std::string, Number>> pattern;
  if (value.is_null()) return pattern;
  if (!value.is_object()) {
    bad_field(field, value,
              "it must be an object of layer names and numbers, such as {\"fc1\": 4}");
  }
  for (const auto& [name, number] : value.items()) {
    pattern.emplace_back(name, convert(field, number));
  }
  return pattern;
}

/// A visitor of both variants; std::monostate is null.
constexpr auto kToJsonValue = []<typename Held>(const Held& held) {
  if constexpr (std::is_same_v<Held, std::monostate>) {
    return Json(nullptr);
  } else {
    return Json(held);
  }
};

/// `text`, cut between two characters.
std::string shorten(std::string text) {
  if (text.size() <= kMaxShownBytes) return text;
  std::size_t end = kMaxShownBytes;
  while ((text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

void bad_field(const std::string& field, const Json& value, const std::string& remedy) {
  const std::string text = value.is_number_float()
                               ? dump_like_python(value)
                               : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  throw Error(Status::kInvalidArgument, field + " is " + shorten(text) + "; " + remedy);
}

Json as_json(const StringOrList& value) { return std::visit(kToJsonValue, value); }

Json as_json(const IntOrList& value) { return std::visit(kToJsonValue, value); }

bool is_empty(const StringOrList& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->empty();
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) return names->empty();
  return true;
}

std::optional<Json> FieldReader::take(const std::string& field) {
  const auto found = rest_.find(field);
  if (found == rest_.end()) return std::nullopt;
  Json value = std::move(*found);
  rest_.erase(field);
  return value;
}

void FieldReader::read(const char* field, bool& out) {
  const auto value = take(field);
  if (!value) return;
  if (!value->is_boolean()) bad_field(field, *value, "it must be true or false");
  out = value->get<bool>();
}

void FieldReader::read(const char* field, std::int64_t& out) {
  if (const auto value = take(field)) out = to_int(field, *value);
}

void FieldReader::read_or_zero(const char* field, std::int64_t& out) {
  if (const auto value = take(field)) out = value->is_null() ? 0 : to_int(field, *value);
}

void FieldReader::read(const char* field, double& out) {
  if (const auto value = take(field)) out = to_double(field, *value);
}

void FieldReader::read(const char* field, std::string& out) {
  const auto value = take(field);
  if (!value) return;
  if (!value->is_string()) bad_field(field, *value, "it must be a text");
  out = value->get<std::string>();
}

void FieldReader::read(const char* field, std::optional<std::string>& out) {
  const auto value = take(field);
  if (!value) return;
  if (!value->is_string() && !value->is_null()) {
    bad_field(field, *value, "it must be a text or null");
  }
  out = value->is_null() ? std::nullopt : std::optional(value->get<std::string>());
}

void FieldReader::read(const char* field, StringOrList& out) {
  const auto value = take(field);
  if (!value) return;
  if (value->is_null()) {
    out = std::monostate();
  } else if (value->is_string()) {
    out = value->get<std::string>();
  } else {
    out = to_names(field, *value, "it must be a list of names, a regular expression, or null");
  }
}

void FieldReader::read(const char* field, IntOrList& out) {
  const auto value = take(field);
  if (!value) return;
  if (value->is_null()) {
    out = std::monostate();
  } else if (value->is_array()) {
    std::vector<std::int64_t> list;
    for (const Json& number : *value) list.push_back(to_int(field, number));
    out = std::move(list);
  } else {
    out = to_int(field, *value);
  }
}

void FieldReader::read(const char* field, std::optional<std::vector<std::string>>& out) {
  const auto value = take(field);
  if (!value) return;
  if (value->is_null()) {
    out = std::nullopt;
  } else {
    out = to_names(field, *value, "it must be a list of names, such as [\"classifier\"], or null");
  }
}

void FieldReader::read(const char* field, std::vector<std::pair<std::string, std::int64_t>>& out) {
  if (const auto value = take(field)) out = to_pattern<std::int64_t>(field, *value, to_int);
}

void FieldReader::read(const char* field, std::vector<std::pair<std::string, double>>& out) {
  if (const auto value = take(field)) out = to_pattern<double>(field, *value, to_double);
}

}  // namespace oft
