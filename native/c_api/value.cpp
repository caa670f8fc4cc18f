#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>

#include <iterator>

#include "boundary.hpp"
#include "value_types.hpp"

using namespace oft::c_api;

namespace {

c10::IValue list_of(std::vector<c10::IValue> items) {
  c10::impl::GenericList list(c10::AnyType::get());
  list.reserve(items.size());
  for (c10::IValue& item : items) list.push_back(std::move(item));
  return list;
}

c10::TypePtr key_type(const c10::IValue& key) {
  switch (kind_of(key)) {
    case OFT_VALUE_TENSOR:
      return c10::TensorType::get();
    case OFT_VALUE_INT:
      return c10::IntType::get();
    case OFT_VALUE_DOUBLE:
      return c10::FloatType::get();
    case OFT_VALUE_BOOL:
      return c10::BoolType::get();
    case OFT_VALUE_TEXT:
      return c10::StringType::get();
    default:
      throw oft::Error(oft::Status::kInvalidArgument,
                       "a dictionary's key is " + describe(key) +
                           "; it must be a text, integer, double, boolean or tensor");
  }
}

c10::IValue dictionary_of(const std::vector<c10::IValue>& keys,
                          const std::vector<c10::IValue>& items) {
  const c10::TypePtr type = keys.empty() ? c10::StringType::get() : key_type(keys.front());
  c10::impl::GenericDict dictionary(type, c10::AnyType::get());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (*key_type(keys[i]) != *type)
      throw oft::Error(oft::Status::kInvalidArgument,
                       "a dictionary's keys are " + describe(keys.front()) + " and " +
                           describe(keys[i]) + "; they must be of one kind");
    dictionary.insert_or_assign(keys[i], items[i]);
  }
  return dictionary;
}

/// Throws Error(kInvalidArgument) where a value is of another kind.
const c10::IValue& expect(const oft_value* value, oft_value_kind kind, const char* wanted) {
  const c10::IValue& actual = deref(value, "value").value;
  if (kind_of(actual) != kind)
    throw oft::Error(oft::Status::kInvalidArgument,
                     "the value is " + describe(actual) + ", not " + wanted);
  return actual;
}

std::size_t size_of(const c10::IValue& value) {
  switch (kind_of(value)) {
    case OFT_VALUE_LIST:
      return value.toListRef().size();
    case OFT_VALUE_TUPLE:
      return value.toTupleRef().elements().size();
    case OFT_VALUE_DICT:
      return value.toGenericDict().size();
    default:
      throw oft::Error(oft::Status::kInvalidArgument,
                       "the value is " + describe(value) + "; it has no items");
  }
}

void check_index(const c10::IValue& value, std::size_t index) {
  if (const std::size_t size = size_of(value); index >= size)
    throw oft::Error(oft::Status::kInvalidArgument, "index " + std::to_string(index) +
                                                        " is beyond the " + std::to_string(size) +
                                                        " items of the value");
}

auto entry_of(const c10::impl::GenericDict& dictionary, std::size_t index) {
  return std::next(dictionary.begin(), static_cast<std::ptrdiff_t>(index));
}

}  // namespace

oft_status oft_value_none(oft_value** out_value, oft_error** out_error) {
  return boundary(out_error, [&] { give(out_value, "out_value", c10::IValue()); });
}

oft_status oft_value_from_tensor(const oft_tensor* tensor, oft_value** out_value,
                                 oft_error** out_error) {
  return boundary(
      out_error, [&] { give(out_value, "out_value", c10::IValue(deref(tensor, "tensor").value)); });
}

oft_status oft_value_from_int(int64_t number, oft_value** out_value, oft_error** out_error) {
  return boundary(out_error, [&] { give(out_value, "out_value", c10::IValue(number)); });
}

oft_status oft_value_from_double(double number, oft_value** out_value, oft_error** out_error) {
  return boundary(out_error, [&] { give(out_value, "out_value", c10::IValue(number)); });
}

oft_status oft_value_from_bool(int32_t truth, oft_value** out_value, oft_error** out_error) {
  return boundary(out_error, [&] { give(out_value, "out_value", c10::IValue(truth != 0)); });
}

oft_status oft_value_from_text(const char* text, size_t size, oft_value** out_value,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_value, "out_value", c10::IValue(std::string(text_in(text, size, "text"))));
  });
}

oft_status oft_value_from_items(oft_value_kind kind, const oft_value* const* items, size_t count,
                                oft_value** out_value, oft_error** out_error) {
  return boundary(out_error, [&] {
    if (kind != OFT_VALUE_LIST && kind != OFT_VALUE_TUPLE)
      throw oft::Error(
          oft::Status::kInvalidArgument,
          "kind " + std::to_string(kind) + " has no items; use OFT_VALUE_LIST or OFT_VALUE_TUPLE");
    std::vector<c10::IValue> values = values_in(items, count, "items");
    give(out_value, "out_value",
         kind == OFT_VALUE_LIST ? list_of(std::move(values))
                                : c10::IValue(c10::ivalue::Tuple::create(std::move(values))));
  });
}

oft_status oft_value_from_entries(const oft_value* const* keys, const oft_value* const* items,
                                  size_t count, oft_value** out_value, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_value, "out_value",
         dictionary_of(values_in(keys, count, "keys"), values_in(items, count, "items")));
  });
}

oft_status oft_value_get_kind(const oft_value* value, oft_value_kind* out_kind,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    const oft_value_kind kind = kind_of(deref(value, "value").value);
    deref(out_kind, "out_kind") = kind;
  });
}

oft_status oft_value_to_tensor(const oft_value* value, oft_tensor** out_tensor,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_tensor, "out_tensor", expect(value, OFT_VALUE_TENSOR, "a tensor").toTensor());
  });
}

oft_status oft_value_to_int(const oft_value* value, int64_t* out_number, oft_error** out_error) {
  return boundary(out_error, [&] {
    const c10::IValue& number = expect(value, OFT_VALUE_INT, "an integer");
    deref(out_number, "out_number") = number.toInt();
  });
}

oft_status oft_value_to_double(const oft_value* value, double* out_number, oft_error** out_error) {
  return boundary(out_error, [&] {
    const c10::IValue& number = expect(value, OFT_VALUE_DOUBLE, "a double");
    deref(out_number, "out_number") = number.toDouble();
  });
}

oft_status oft_value_to_bool(const oft_value* value, int32_t* out_truth, oft_error** out_error) {
  return boundary(out_error, [&] {
    const c10::IValue& truth = expect(value, OFT_VALUE_BOOL, "a boolean");
    deref(out_truth, "out_truth") = truth.toBool();
  });
}

oft_status oft_value_to_text(const oft_value* value, char* buffer, size_t capacity,
                             size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(expect(value, OFT_VALUE_TEXT, "a text").toStringRef(), buffer, capacity, out_size);
  });
}

oft_status oft_value_size(const oft_value* value, size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    const std::size_t size = size_of(deref(value, "value").value);
    deref(out_size, "out_size") = size;
  });
}

oft_status oft_value_item(const oft_value* value, size_t index, oft_value** out_item,
                          oft_error** out_error) {
  return boundary(out_error, [&] {
    const c10::IValue& items = deref(value, "value").value;
    check_index(items, index);
    give(out_item, "out_item",
         items.isGenericDict() ? entry_of(items.toGenericDict(), index)->value()
         : items.isTuple()     ? items.toTupleRef().elements()[index]
                               : items.toListRef()[index]);
  });
}

oft_status oft_value_key(const oft_value* value, size_t index, oft_value** out_key,
                         oft_error** out_error) {
  return boundary(out_error, [&] {
    const c10::IValue& dictionary = expect(value, OFT_VALUE_DICT, "a dictionary");
    check_index(dictionary, index);
    give(out_key, "out_key", entry_of(dictionary.toGenericDict(), index)->key());
  });
}

void oft_value_destroy(oft_value* value) { delete value; }
