#include "value_types.hpp"

#include <ATen/core/Dict.h>

#include <array>
#include <string>

#include "boundary.hpp"

namespace oft::c_api {
namespace {

// By the number of the enumerator.
constexpr std::array kDescriptions{"none",   "a tensor", "an integer", "a double",    "a boolean",
                                   "a text", "a list",   "a tuple",    "a dictionary"};

constexpr oft_value_kind kNoKind = -1;

oft_value_kind find_kind(const c10::IValue& value) {
  if (value.isNone()) return OFT_VALUE_NONE;
  if (value.isTensor()) return value.toTensor().defined() ? OFT_VALUE_TENSOR : OFT_VALUE_NONE;
  if (value.isInt()) return OFT_VALUE_INT;
  if (value.isDouble()) return OFT_VALUE_DOUBLE;
  if (value.isBool()) return OFT_VALUE_BOOL;
  if (value.isString()) return OFT_VALUE_TEXT;
  if (value.isList()) return OFT_VALUE_LIST;
  if (value.isTuple()) return OFT_VALUE_TUPLE;
  if (value.isGenericDict()) return OFT_VALUE_DICT;
  return kNoKind;
}

std::string item_name(const char* name, std::size_t index) {
  return std::string(name) + "[" + std::to_string(index) + "]";
}

}  // namespace

oft_value_kind kind_of(const c10::IValue& value) {
  const oft_value_kind kind = find_kind(value);
  if (kind == kNoKind)
    throw Error(Status::kUnsupported, "a value that is " + describe(value) +
                                          " has no OFT_VALUE number; have the model return "
                                          "tensors, numbers, texts, lists, tuples or dictionaries");
  return kind;
}

std::string describe(const c10::IValue& value) {
  const oft_value_kind kind = find_kind(value);
  return kind == kNoKind ? value.tagKind() : kDescriptions[static_cast<std::size_t>(kind)];
}

std::vector<c10::IValue> values_in(const oft_value* const* values, std::size_t count,
                                   const char* name) {
  if (count != 0) deref(values, name);
  std::vector<c10::IValue> result;
  result.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (values[i] == nullptr) deref(values[i], item_name(name, i).c_str());
    result.push_back(values[i]->value);
  }
  return result;
}

Kwargs kwargs_in(const oft_value* kwargs) {
  Kwargs result;
  if (kwargs == nullptr) return result;
  if (!kwargs->value.isGenericDict())
    throw Error(Status::kInvalidArgument,
                "kwargs is " + describe(kwargs->value) + "; it must be NULL or a dictionary");
  for (const auto& entry : kwargs->value.toGenericDict()) {
    if (!entry.key().isString())
      throw Error(Status::kInvalidArgument,
                  "kwargs: a key is " + describe(entry.key()) + "; keys must be texts");
    result.emplace(entry.key().toStringRef(), entry.value());
  }
  return result;
}

}  // namespace oft::c_api
