#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json_text.hpp"
#include "oft/config.hpp"

namespace oft {

/// Throws Error(kInvalidArgument): "<field> is <value>; <remedy>".
[[noreturn]] void bad_field(const std::string& field, const Json& value, const std::string& remedy);

Json as_json(const StringOrList& value);
Json as_json(const IntOrList& value);

/// Neither a text nor a name: null, "" or [].
bool is_empty(const StringOrList& value);

/// Takes the fields of a config out of a JSON object, checking their types; what nobody took is
/// unknown. Each `read` leaves `out` alone where the key is absent and throws
/// Error(kInvalidArgument) where the type is wrong.
class FieldReader {
 public:
  explicit FieldReader(Json object) : rest_(std::move(object)) {}

  bool has(const std::string& field) const { return rest_.contains(field); }
  /// Empty where the key is absent.
  std::optional<Json> take(const std::string& field);
  /// The keys not taken.
  const Json& rest() const { return rest_; }

  void read(const char* field, bool& out);
  void read(const char* field, std::int64_t& out);
  /// The same where null counts as 0.
  void read_or_zero(const char* field, std::int64_t& out);
  void read(const char* field, double& out);
  void read(const char* field, std::string& out);
  void read(const char* field, std::optional<std::string>& out);
  void read(const char* field, StringOrList& out);
  void read(const char* field, IntOrList& out);
  void read(const char* field, std::optional<std::vector<std::string>>& out);
  void read(const char* field, std::vector<std::pair<std::string, std::int64_t>>& out);
  void read(const char* field, std::vector<std::pair<std::string, double>>& out);

 private:
  Json rest_;
};

}  // namespace oft
