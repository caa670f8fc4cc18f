#include "optimizer_json.hpp"

#include <algorithm>
#include <utility>

#include "oft/error.hpp"
#include "text.hpp"

namespace oft {

void bad_optimizer(const std::string& message) {
  throw Error(Status::kInvalidArgument, "optimizer " + message);
}

void bad_optimizer(const std::string& key, const Json& value, const std::string& remedy) {
  bad_optimizer(key + ": " + value.dump() + " " + remedy);
}

OptionReader::OptionReader(const Json& given, std::string where)
    : given_(given), where_(std::move(where)) {}

void OptionReader::operator()(const char* name, double& out, Limit limit) {
  if (const Json* value = take(name)) out = number(name, *value, limit);
}

void OptionReader::operator()(const char* name, bool& out) {
  const Json* value = take(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) bad_optimizer(key(name), *value, "must be true or false");
  out = value->get<bool>();
}

void OptionReader::operator()(const char* name, std::tuple<double, double>& out) {
  const Json* value = take(name);
  if (value == nullptr) return;
  if (!value->is_array() || value->size() != 2)
    bad_optimizer(key(name), *value, "must be two numbers, like [0.9, 0.999]");
  out = {rate(name, (*value)[0]), rate(name, (*value)[1])};
}

void OptionReader::finish() const {
  for (const auto& [name, value] : given_.items())
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      bad_optimizer(key(name), value,
                    "is no option of this optimizer; it has " + quote_some(known_, known_.size()));
}

std::string OptionReader::key(const std::string& name) const { return where_ + "." + name; }

const Json* OptionReader::take(const char* name) {
  known_.emplace_back(name);
  const auto found = given_.find(name);
  return found == given_.end() ? nullptr : &*found;
}

double OptionReader::number(const char* name, const Json& value, Limit limit) const {
  if (!value.is_number()) bad_optimizer(key(name), value, "must be a number");
  if (limit == Limit::kNotNegative && value.get<double>() < 0)
    bad_optimizer(key(name), value, "must be 0 or more");
  return value.get<double>();
}

double OptionReader::rate(const char* name, const Json& value) const {
  const double result = number(name, value, Limit::kNotNegative);
  if (result >= 1) bad_optimizer(key(name), value, "must be less than 1");
  return result;
}

void OptionWriter::operator()(const char* name, double value, Limit) { out_[name] = value; }

void OptionWriter::operator()(const char* name, bool value) { out_[name] = value; }

void OptionWriter::operator()(const char* name, const std::tuple<double, double>& value) {
  out_[name] = {std::get<0>(value), std::get<1>(value)};
}

}  // namespace oft
