#include <stdio.h>

#include "fixtures.h"
#include "live.h"
#include "test.h"

static void path_of_data(char path[kPathSize], const char* name) {
  CHECK(snprintf(path, kPathSize, "%s/scripts/%s", OFT_TEST_DATA_DIR, name) < kPathSize);
}

static oft_status load(const char* path, const char* device, oft_dtype dtype, oft_script** script) {
  return oft_script_load(TEXT(path), TEXT(device), dtype, script, &failure);
}

static void load_converts_and_runs(void) {
  oft_script* const script = new_script("mlp_traced");
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const y = run_script(script, x);
  size_t dims = 0;
  int64_t sizes[2] = {0};
  CHECK_OK(oft_tensor_sizes(y, sizes, 2, &dims, &failure));
  CHECK(dims == 2 && sizes[0] == 3 && sizes[1] == 4);

  oft_tensor* weight = NULL;
  oft_dtype dtype = -1;
  CHECK_OK(oft_script_tensor(script, TEXT("fc1.weight"), &weight, &failure));
  CHECK_OK(oft_tensor_dtype(weight, &dtype, &failure));
  CHECK(dtype == OFT_DTYPE_FLOAT64);
  oft_tensor_destroy(weight);
  oft_tensor_destroy(y);
  oft_tensor_destroy(x);
  oft_script_destroy(script);
}

static void bytes_are_a_file_too(void) {
  static char bytes[64 * 1024];
  char path[kPathSize];
  path_of_data(path, "mlp_scripted.pt");
  const size_t size = read_file(path, bytes, sizeof bytes);
  oft_script* script = NULL;
  CHECK_OK(oft_script_load_bytes(bytes, size, TEXT("cpu"), -1, &script, &failure));
  memset(bytes, 0, size); /* copied */
  oft_tensor* weight = NULL;
  oft_dtype dtype = -1;
  CHECK_OK(oft_script_tensor(script, TEXT("head.weight"), &weight, &failure));
  CHECK_OK(oft_tensor_dtype(weight, &dtype, &failure));
  CHECK(dtype == OFT_DTYPE_FLOAT32);
  oft_tensor_destroy(weight);
  oft_script_destroy(script);
}

static void save_writes_what_load_reads(void) {
  char path[kPathSize];
  path_in_folder(path, "saved.pt");
  oft_script* const script = new_script("mlp_scripted");
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const expected = run_script(script, x);
  CHECK_OK(oft_script_save(script, TEXT(path), &failure));
  oft_script_destroy(script);
  oft_script* loaded = NULL;
  CHECK_OK(load(path, "cpu", -1, &loaded));
  oft_tensor* const actual = run_script(loaded, x);
  CHECK(difference(expected, actual, 12) == 0);
  oft_tensor_destroy(actual);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(x);
  CHECK_FAILS(OFT_STATUS_IO, oft_script_save(loaded, TEXT("/none/saved.pt"), &failure), "/none");
  oft_script_destroy(loaded);
}

static void report_names_everything(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_text* report = NULL;
  CHECK_OK(oft_script_to_json(script, &report, &failure));
  size_t size = 0;
  struct text text;
  const char* const data = oft_text_data(report, &size);
  CHECK(size < sizeof text.data);
  memcpy(text.data, data, size);
  text.data[size] = '\0';
  CHECK_CONTAINS(text.data, "\"training\":false");
  CHECK_CONTAINS(text.data, "\"methods\":[\"forward\"]");
  CHECK_CONTAINS(text.data, "{\"name\":\"fc1\",\"kind\":\"Linear\",\"class_name\":\"");
  CHECK_CONTAINS(text.data,
                 "{\"name\":\"fc1.weight\",\"dtype\":\"float64\",\"shape\":[32,16],"
                 "\"device\":\"cpu\"}");
  CHECK_CONTAINS(text.data, "\"buffers\":[]");
  oft_text_destroy(report);
  oft_script_destroy(script);
}

static void dropout_obeys_the_mode(void) {
  oft_script* const script = new_script("dropout_scripted");
  oft_tensor* const x = new_input(4, 16);
  CHECK_OK(oft_script_train(script, 0, &failure));
  oft_tensor* const first = run_script(script, x);
  oft_tensor* const second = run_script(script, x);
  CHECK(difference(first, second, 64) == 0);
  CHECK_OK(oft_script_train(script, 1, &failure));
  oft_tensor* const dropped = run_script(script, x);
  CHECK(difference(first, dropped, 64) > 0);
  oft_tensor_destroy(dropped);
  oft_tensor_destroy(second);
  oft_tensor_destroy(first);
  oft_tensor_destroy(x);
  oft_script_destroy(script);
}

static void gradients_are_recorded_on_demand(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_tensor* const x = new_input(3, 16);
  CHECK_OK(oft_tensor_set_requires_grad(x, 1, &failure));
  oft_value* const arg = new_tensor_value(x);
  for (int32_t record = 0; record <= 1; ++record) {
    oft_value* result = NULL;
    CHECK_OK(oft_script_call(script, TEXT("forward"), (const oft_value* const*)&arg, 1, NULL,
                             record, &result, &failure));
    oft_tensor* const y = take_tensor(result);
    int32_t recorded = -1;
    CHECK_OK(oft_tensor_requires_grad(y, &recorded, &failure));
    CHECK(recorded == record);
    oft_tensor_destroy(y);
  }
  oft_value_destroy(arg);
  oft_tensor_destroy(x);
  oft_script_destroy(script);
}

static oft_value* new_items(oft_value_kind kind, oft_value* first, oft_value* second) {
  const oft_value* const items[] = {first, second};
  oft_value* value = NULL;
  CHECK_OK(oft_value_from_items(kind, items, 2, &value, &failure));
  oft_value_destroy(first);
  oft_value_destroy(second);
  return value;
}

static void structures_go_in_and_come_out(void) {
  oft_script* const script = new_script("structures_scripted");
  oft_tensor* const x = new_input(2, 8);
  oft_value* args[3] = {
      new_items(OFT_VALUE_TUPLE, new_tensor_value(x), new_tensor_value(x)),
      new_items(OFT_VALUE_LIST, new_tensor_value(x), new_tensor_value(x)),
      new_dictionary(new_text_value("x"), new_tensor_value(x)),
  };
  oft_value* times = NULL;
  CHECK_OK(oft_value_from_int(3, &times, &failure));
  oft_value* const kwargs = new_dictionary(new_text_value("times"), times);
  oft_value* result = NULL;
  CHECK_OK(oft_script_call(script, TEXT("forward"), (const oft_value* const*)args, 3, kwargs, 0,
                           &result, &failure));
  static const oft_value_kind kinds[] = {OFT_VALUE_TENSOR, OFT_VALUE_LIST, OFT_VALUE_DICT,
                                         OFT_VALUE_NONE,   OFT_VALUE_INT,  OFT_VALUE_DOUBLE,
                                         OFT_VALUE_BOOL,   OFT_VALUE_TEXT};
  size_t size = 0;
  CHECK_OK(oft_value_size(result, &size, &failure));
  CHECK(size == sizeof kinds / sizeof kinds[0]);
  for (size_t i = 0; i < size; ++i) {
    oft_value* item = NULL;
    oft_value_kind kind = -1;
    CHECK_OK(oft_value_item(result, i, &item, &failure));
    CHECK_OK(oft_value_get_kind(item, &kind, &failure));
    CHECK(kind == kinds[i]);
    size_t count = 0;
    if (kind == OFT_VALUE_LIST || kind == OFT_VALUE_DICT)
      CHECK_OK(oft_value_size(item, &count, &failure));
    CHECK(count == (kind == OFT_VALUE_LIST ? 6U : kind == OFT_VALUE_DICT ? 2U : 0U));
    oft_value_destroy(item);
  }
  oft_value_destroy(result);
  oft_value_destroy(kwargs);
  for (int i = 0; i < 3; ++i) oft_value_destroy(args[i]);
  oft_tensor_destroy(x);
  oft_script_destroy(script);
}

static void other_files_are_refused(void) {
  char path[kPathSize];
  oft_script* script = UNTOUCHED;
  path_of_data(path, "none.pt");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, load(path, "cpu", -1, &script), "none.pt");
  path_in_folder(path, "text.pt");
  write_file(path, "no model", 8);
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED, load(path, "cpu", -1, &script), "text.pt", "torch.jit");
  path_in_folder(path, "base.safetensors");
  write_base(path);
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED, load(path, "cpu", -1, &script), "safetensors");
  path_of_data(path, "mlp_scripted.pt");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, load(path, "tpu9", -1, &script), "tpu9");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, load(path, "cpu", 8, &script), "dtype 8");
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED,
              oft_script_load_bytes("no model", 8, TEXT("cpu"), -1, &script, &failure),
              "the bytes");
  CHECK(script == UNTOUCHED);
}

static void calls_that_do_not_fit_are_refused(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_tensor* const narrow = new_input(3, 15);
  oft_value* const args[] = {new_tensor_value(narrow)};
  const oft_value* const* const given = (const oft_value* const*)args;
  oft_value* const kwargs = new_dictionary(new_text_value("y"), new_text_value("z"));
  oft_value* result = UNTOUCHED;
  oft_tensor* tensor = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_script_call(script, TEXT("backward"), given, 1, NULL, 0, &result, &failure),
              "'backward'", "'forward'");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_script_call(script, TEXT("forward"), NULL, 0, NULL, 0, &result, &failure),
              "'x' is missing", "forward(x: Tensor)");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_script_call(script, TEXT("forward"), given, 1, kwargs, 0, &result, &failure),
              "'y'");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_script_call(script, TEXT("forward"), given, 1, NULL, 0, &result, &failure),
              "3x15");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_script_tensor(script, TEXT("fc1.wieght"), &tensor, &failure), "'fc1.weight'");
  CHECK(result == UNTOUCHED && tensor == UNTOUCHED);
  oft_value_destroy(kwargs);
  oft_value_destroy(args[0]);
  oft_tensor_destroy(narrow);
  oft_script_destroy(script);
}

static void null_is_refused(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_script* other = UNTOUCHED;
  oft_value* result = UNTOUCHED;
  oft_tensor* tensor = UNTOUCHED;
  oft_text* report = UNTOUCHED;
  char path[kPathSize];
  path_of_data(path, "mlp_scripted.pt");
  CHECK_REFUSES_NULL(oft_script_load(NULL, 1, TEXT("cpu"), -1, &other, &failure), "path");
  CHECK_REFUSES_NULL(oft_script_load(TEXT(path), NULL, 3, -1, &other, &failure), "device");
  CHECK_REFUSES_NULL(load(path, "cpu", -1, NULL), "out_script");
  CHECK_REFUSES_NULL(oft_script_load_bytes(NULL, 1, TEXT("cpu"), -1, &other, &failure), "data");
  CHECK_REFUSES_NULL(oft_script_save(NULL, TEXT(path), &failure), "script");
  CHECK_REFUSES_NULL(oft_script_save(script, NULL, 1, &failure), "path");
  CHECK_REFUSES_NULL(oft_script_to_json(NULL, &report, &failure), "script");
  CHECK_REFUSES_NULL(oft_script_to_json(script, NULL, &failure), "out_report");
  CHECK_REFUSES_NULL(oft_script_tensor(NULL, TEXT("fc1.weight"), &tensor, &failure), "script");
  CHECK_REFUSES_NULL(oft_script_tensor(script, NULL, 1, &tensor, &failure), "name");
  CHECK_REFUSES_NULL(oft_script_tensor(script, TEXT("fc1.weight"), NULL, &failure), "out_tensor");
  CHECK_REFUSES_NULL(oft_script_train(NULL, 1, &failure), "script");
  CHECK_REFUSES_NULL(oft_script_call(NULL, TEXT("forward"), NULL, 0, NULL, 0, &result, &failure),
                     "script");
  CHECK_REFUSES_NULL(oft_script_call(script, NULL, 1, NULL, 0, NULL, 0, &result, &failure),
                     "method");
  CHECK_REFUSES_NULL(oft_script_call(script, TEXT("forward"), NULL, 1, NULL, 0, &result, &failure),
                     "args");
  CHECK_REFUSES_NULL(oft_script_call(script, TEXT("forward"), NULL, 0, NULL, 0, NULL, &failure),
                     "out_result");
  CHECK(other == UNTOUCHED && result == UNTOUCHED && tensor == UNTOUCHED && report == UNTOUCHED);
  oft_script_destroy(script);
  oft_script_destroy(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(load_converts_and_runs),
    TEST_CASE(bytes_are_a_file_too),
    TEST_CASE(save_writes_what_load_reads),
    TEST_CASE(report_names_everything),
    TEST_CASE(dropout_obeys_the_mode),
    TEST_CASE(gradients_are_recorded_on_demand),
    TEST_CASE(structures_go_in_and_come_out),
    TEST_CASE(other_files_are_refused),
    TEST_CASE(calls_that_do_not_fit_are_refused),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(script);
