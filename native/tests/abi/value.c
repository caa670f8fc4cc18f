#include "fixtures.h"
#include "live.h"
#include "test.h"

static oft_value_kind kind_of(const oft_value* value) {
  oft_value_kind kind = -1;
  CHECK_OK(oft_value_get_kind(value, &kind, &failure));
  return kind;
}

static void scalars_come_back(void) {
  oft_value* value = NULL;
  CHECK_OK(oft_value_none(&value, &failure));
  CHECK(kind_of(value) == OFT_VALUE_NONE);
  oft_value_destroy(value);

  int64_t integer = 0;
  CHECK_OK(oft_value_from_int(INT64_MIN, &value, &failure));
  CHECK(kind_of(value) == OFT_VALUE_INT);
  CHECK_OK(oft_value_to_int(value, &integer, &failure));
  CHECK(integer == INT64_MIN);
  oft_value_destroy(value);

  double number = 0;
  CHECK_OK(oft_value_from_double(-2.5, &value, &failure));
  CHECK(kind_of(value) == OFT_VALUE_DOUBLE);
  CHECK_OK(oft_value_to_double(value, &number, &failure));
  CHECK(number == -2.5);
  oft_value_destroy(value);

  int32_t truth = 17;
  CHECK_OK(oft_value_from_bool(256, &value, &failure));
  CHECK(kind_of(value) == OFT_VALUE_BOOL);
  CHECK_OK(oft_value_to_bool(value, &truth, &failure));
  CHECK(truth == 1);
  oft_value_destroy(value);

  struct text text;
  CHECK_OK(oft_value_from_text("a\0b", 3, &value, &failure));
  CHECK(kind_of(value) == OFT_VALUE_TEXT);
  READ_TEXT(text, oft_value_to_text(value, buffer, capacity, &size, &failure));
  CHECK(text.size == 3 && memcmp(text.data, "a\0b", 3) == 0);
  oft_value_destroy(value);
}

static void a_tensor_is_shared(void) {
  oft_tensor* const tensor = new_tensor(q_a, SIZES(2));
  oft_value* const value = new_tensor_value(tensor);
  CHECK(kind_of(value) == OFT_VALUE_TENSOR);
  oft_tensor* const same = take_tensor(value);
  CHECK(elements(same, 2) == elements(tensor, 2));
  oft_tensor_destroy(tensor);
  CHECK_ELEMENTS(same, q_a, 2);
}

static void lists_and_tuples_nest(void) {
  oft_value* inner[2] = {NULL};
  CHECK_OK(oft_value_from_int(7, &inner[0], &failure));
  inner[1] = new_text_value("seven");
  oft_value* pair = NULL;
  CHECK_OK(
      oft_value_from_items(OFT_VALUE_TUPLE, (const oft_value* const*)inner, 2, &pair, &failure));
  oft_value_destroy(inner[0]);
  oft_value_destroy(inner[1]);
  const oft_value* const twice[] = {pair, pair};
  oft_value* list = NULL;
  CHECK_OK(oft_value_from_items(OFT_VALUE_LIST, twice, 2, &list, &failure));
  oft_value_destroy(pair);

  size_t size = 0;
  CHECK_OK(oft_value_size(list, &size, &failure));
  CHECK(kind_of(list) == OFT_VALUE_LIST && size == 2);
  CHECK_OK(oft_value_item(list, 1, &pair, &failure));
  CHECK_OK(oft_value_size(pair, &size, &failure));
  CHECK(kind_of(pair) == OFT_VALUE_TUPLE && size == 2);
  oft_value* item = NULL;
  CHECK_OK(oft_value_item(pair, 1, &item, &failure));
  struct text text;
  READ_TEXT(text, oft_value_to_text(item, buffer, capacity, &size, &failure));
  CHECK(strcmp(text.data, "seven") == 0);
  oft_value_destroy(item);
  oft_value_destroy(pair);
  oft_value_destroy(list);

  CHECK_OK(oft_value_from_items(OFT_VALUE_LIST, NULL, 0, &list, &failure));
  CHECK_OK(oft_value_size(list, &size, &failure));
  CHECK(size == 0);
  oft_value_destroy(list);
}

static void dictionaries_keep_their_order(void) {
  enum { kEntries = 3 };
  oft_value* keys[kEntries];
  oft_value* items[kEntries];
  for (int i = 0; i < kEntries; ++i) {
    CHECK_OK(oft_value_from_int(30 - i, &keys[i], &failure));
    CHECK_OK(oft_value_from_double(i, &items[i], &failure));
  }
  oft_value* dictionary = NULL;
  CHECK_OK(oft_value_from_entries((const oft_value* const*)keys, (const oft_value* const*)items,
                                  kEntries, &dictionary, &failure));
  size_t size = 0;
  CHECK_OK(oft_value_size(dictionary, &size, &failure));
  CHECK(kind_of(dictionary) == OFT_VALUE_DICT && size == kEntries);
  for (int i = 0; i < kEntries; ++i) {
    oft_value_destroy(keys[i]);
    oft_value_destroy(items[i]);
    CHECK_OK(oft_value_key(dictionary, (size_t)i, &keys[i], &failure));
    CHECK_OK(oft_value_item(dictionary, (size_t)i, &items[i], &failure));
    int64_t key = 0;
    double item = -1;
    CHECK_OK(oft_value_to_int(keys[i], &key, &failure));
    CHECK_OK(oft_value_to_double(items[i], &item, &failure));
    CHECK(key == 30 - i && item == i);
    oft_value_destroy(keys[i]);
    oft_value_destroy(items[i]);
  }
  oft_value_destroy(dictionary);

  oft_tensor* const tensor = new_tensor(q_a, SIZES(2));
  dictionary = new_dictionary(new_tensor_value(tensor), new_text_value("by tensor"));
  CHECK(kind_of(dictionary) == OFT_VALUE_DICT);
  oft_value_destroy(dictionary);
  oft_tensor_destroy(tensor);
}

static void other_kinds_are_refused(void) {
  oft_value* number = NULL;
  CHECK_OK(oft_value_from_int(1, &number, &failure));
  oft_value* const text = new_text_value("text");
  oft_tensor* tensor = UNTOUCHED;
  oft_value* value = UNTOUCHED;
  int64_t integer = 17;
  double real = 17;
  int32_t truth = 17;
  size_t size = 17;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_to_tensor(number, &tensor, &failure),
              "an integer, not a tensor");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_to_int(text, &integer, &failure),
              "a text, not an integer");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_to_double(number, &real, &failure),
              "an integer, not a double");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_to_bool(number, &truth, &failure),
              "not a boolean");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_to_text(number, NULL, 0, &size, &failure),
              "not a text");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_size(number, &size, &failure), "no items");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_item(text, 0, &value, &failure), "no items");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_key(text, 0, &value, &failure),
              "not a dictionary");
  const oft_value* const items[] = {number, text};
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_value_from_items(OFT_VALUE_DICT, items, 2, &value, &failure), "kind 8",
              "OFT_VALUE_LIST");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_value_from_entries(items, items, 2, &value, &failure), "an integer", "a text",
              "of one kind");
  oft_value* list = NULL;
  CHECK_OK(oft_value_from_items(OFT_VALUE_LIST, items, 2, &list, &failure));
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_value_item(list, 2, &value, &failure), "index 2",
              "2 items");
  const oft_value* const lists[] = {list};
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_value_from_entries(lists, items, 1, &value, &failure), "key is a list");
  CHECK(tensor == UNTOUCHED && value == UNTOUCHED);
  CHECK(integer == 17 && real == 17 && truth == 17 && size == 17);
  oft_value_destroy(list);
  oft_value_destroy(text);
  oft_value_destroy(number);
}

static void null_is_refused(void) {
  oft_value* const text = new_text_value("text");
  oft_value* const dictionary = new_dictionary(new_text_value("key"), new_text_value("item"));
  const oft_value* const hole[] = {text, NULL};
  oft_tensor* const tensor = new_tensor(q_a, SIZES(2));
  oft_value* const of_tensor = new_tensor_value(tensor);
  oft_tensor* other = UNTOUCHED;
  oft_value* value = UNTOUCHED;
  int64_t integer = 0;
  double real = 0;
  int32_t truth = 0;
  size_t size = 0;
  CHECK_REFUSES_NULL(oft_value_none(NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_tensor(NULL, &value, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_value_from_tensor(tensor, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_int(1, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_double(1, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_bool(1, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_text(NULL, 1, &value, &failure), "text");
  CHECK_REFUSES_NULL(oft_value_from_text(TEXT("text"), NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_items(OFT_VALUE_LIST, NULL, 1, &value, &failure), "items");
  CHECK_REFUSES_NULL(oft_value_from_items(OFT_VALUE_LIST, hole, 2, &value, &failure), "items[1]");
  CHECK_REFUSES_NULL(oft_value_from_items(OFT_VALUE_LIST, hole, 1, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_from_entries(NULL, hole, 1, &value, &failure), "keys");
  CHECK_REFUSES_NULL(oft_value_from_entries(hole, hole + 1, 1, &value, &failure), "items[0]");
  CHECK_REFUSES_NULL(oft_value_from_entries(hole, hole, 1, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_value_get_kind(NULL, &truth, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_get_kind(text, NULL, &failure), "out_kind");
  CHECK_REFUSES_NULL(oft_value_to_tensor(NULL, &other, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_to_tensor(of_tensor, NULL, &failure), "out_tensor");
  CHECK_REFUSES_NULL(oft_value_to_int(NULL, &integer, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_to_double(NULL, &real, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_to_bool(NULL, &truth, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_to_text(NULL, NULL, 0, &size, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_to_text(text, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_value_size(NULL, &size, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_size(dictionary, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_value_item(NULL, 0, &value, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_item(dictionary, 0, NULL, &failure), "out_item");
  CHECK_REFUSES_NULL(oft_value_key(NULL, 0, &value, &failure), "value");
  CHECK_REFUSES_NULL(oft_value_key(dictionary, 0, NULL, &failure), "out_key");
  CHECK(value == UNTOUCHED && other == UNTOUCHED);
  oft_value_destroy(of_tensor);
  oft_tensor_destroy(tensor);
  oft_value_destroy(dictionary);
  oft_value_destroy(text);
  oft_value_destroy(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(scalars_come_back),       TEST_CASE(a_tensor_is_shared),
    TEST_CASE(lists_and_tuples_nest),   TEST_CASE(dictionaries_keep_their_order),
    TEST_CASE(other_kinds_are_refused), TEST_CASE(null_is_refused),
};
TEST_SUITE(value);
