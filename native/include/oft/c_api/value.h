/** What TorchScript modules and operators take and give. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_VALUE_H
#define OFT_C_API_VALUE_H

#include "oft/c_api/base.h"
#include "oft/c_api/tensor.h"

/** What a value is. Append only. */
typedef int32_t oft_value_kind;
enum oft_value_kind_code {
  OFT_VALUE_NONE = 0,
  OFT_VALUE_TENSOR = 1,
  OFT_VALUE_INT = 2,
  OFT_VALUE_DOUBLE = 3,
  OFT_VALUE_BOOL = 4,
  OFT_VALUE_TEXT = 5,
  OFT_VALUE_LIST = 6,
  OFT_VALUE_TUPLE = 7,
  OFT_VALUE_DICT = 8
};

typedef struct oft_value oft_value;

/** Each constructor: out_value new. */
OFT_API oft_status oft_value_none(oft_value** out_value, oft_error** out_error);
OFT_API oft_status oft_value_from_tensor(const oft_tensor* tensor, oft_value** out_value,
                                         oft_error** out_error);
OFT_API oft_status oft_value_from_int(int64_t number, oft_value** out_value, oft_error** out_error);
OFT_API oft_status oft_value_from_double(double number, oft_value** out_value,
                                         oft_error** out_error);
OFT_API oft_status oft_value_from_bool(int32_t truth, oft_value** out_value, oft_error** out_error);
OFT_API oft_status oft_value_from_text(const char* text, size_t size, oft_value** out_value,
                                       oft_error** out_error);

/**
 * A list or a tuple of other values. A list takes the element type that its receiver wants.
 * @param kind OFT_VALUE_LIST or OFT_VALUE_TUPLE
 */
OFT_API oft_status oft_value_from_items(oft_value_kind kind, const oft_value* const* items,
                                        size_t count, oft_value** out_value, oft_error** out_error);

/** A dictionary; keys are texts, integers, doubles, booleans or tensors, all of one kind. */
OFT_API oft_status oft_value_from_entries(const oft_value* const* keys,
                                          const oft_value* const* items, size_t count,
                                          oft_value** out_value, oft_error** out_error);

/** Returns: UNSUPPORTED where the value has no number here. */
OFT_API oft_status oft_value_get_kind(const oft_value* value, oft_value_kind* out_kind,
                                      oft_error** out_error);

/** Each getter returns INVALID_ARGUMENT for a value of another kind. out_tensor: new. */
OFT_API oft_status oft_value_to_tensor(const oft_value* value, oft_tensor** out_tensor,
                                       oft_error** out_error);
OFT_API oft_status oft_value_to_int(const oft_value* value, int64_t* out_number,
                                    oft_error** out_error);
OFT_API oft_status oft_value_to_double(const oft_value* value, double* out_number,
                                       oft_error** out_error);
OFT_API oft_status oft_value_to_bool(const oft_value* value, int32_t* out_truth,
                                     oft_error** out_error);
OFT_API oft_status oft_value_to_text(const oft_value* value, char* buffer, size_t capacity,
                                     size_t* out_size, oft_error** out_error);

/** The number of items of a list, tuple or dictionary. */
OFT_API oft_status oft_value_size(const oft_value* value, size_t* out_size, oft_error** out_error);

/** An item of a list, tuple or dictionary (in order of insertion). out_item: new. */
OFT_API oft_status oft_value_item(const oft_value* value, size_t index, oft_value** out_item,
                                  oft_error** out_error);

/** A key of a dictionary. out_key: new. */
OFT_API oft_status oft_value_key(const oft_value* value, size_t index, oft_value** out_key,
                                 oft_error** out_error);

OFT_API void oft_value_destroy(oft_value* value);

#endif
