#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "json_text.hpp"
#include "optimizer_options.hpp"

/// Options of optimizers as JSON; readers and writers are visitors for `visit_options`.
namespace oft {

/// Throws Error(kInvalidArgument).
[[noreturn]] void bad_optimizer(const std::string& message);
[[noreturn]] void bad_optimizer(const std::string& key, const Json& value,
                                const std::string& remedy);

/// Takes options out of a JSON object, name by name; `finish` refuses what nobody took.
class OptionReader {
 public:
  /// `where` names the object in messages.
  OptionReader(const Json& given, std::string where);

  void operator()(const char* name, double& out, Limit limit);
  void operator()(const char* name, bool& out);
  void operator()(const char* name, std::tuple<double, double>& out);
  void finish() const;

 private:
  std::string key(const std::string& name) const;
  /// NULL where the key is absent.
  const Json* take(const char* name);
  double number(const char* name, const Json& value, Limit limit) const;
  double rate(const char* name, const Json& value) const;

  const Json& given_;
  std::string where_;
  std::vector<std::string> known_;
};

/// Writes options into a JSON object.
class OptionWriter {
 public:
  explicit OptionWriter(Json& out) : out_(out) {}

  void operator()(const char* name, double value, Limit limit);
  void operator()(const char* name, bool value);
  void operator()(const char* name, const std::tuple<double, double>& value);

 private:
  Json& out_;
};

}  // namespace oft
