#include <math.h>
#include <stdio.h>

#include "fixtures.h"
#include "live.h"
#include "test.h"

/* What a model says of itself, terminated. */
static void read_report(const oft_model* model, struct text* text) {
  oft_text* report = NULL;
  CHECK_OK(oft_model_to_json(model, &report, &failure));
  const char* const data = oft_text_data(report, &text->size);
  CHECK(text->size < sizeof text->data);
  memcpy(text->data, data, text->size);
  text->data[text->size] = '\0';
  oft_text_destroy(report);
}

static void expect_in_report(const oft_model* model, const char* part) {
  struct text text;
  read_report(model, &text);
  CHECK_CONTAINS(text.data, part);
}

/* The largest difference between the outputs of a model and of a script. */
static double distance(oft_model* model, const oft_script* script) {
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const ours = run_model(model, x, 0);
  oft_tensor* const theirs = run_script(script, x);
  const double result = difference(ours, theirs, 12);
  oft_tensor_destroy(theirs);
  oft_tensor_destroy(ours);
  oft_tensor_destroy(x);
  return result;
}

static void a_new_adapter_is_the_identity_and_a_turned_one_is_not(void) {
  oft_script* const base = new_script("mlp_scripted");
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  CHECK(distance(model, base) < 1e-15);
  turn_model(model, 0.5);
  CHECK(distance(model, base) > 1e-3);
  CHECK_OK(oft_model_enable_adapter(model, 0, &failure));
  CHECK(distance(model, base) == 0);
  CHECK_OK(oft_model_enable_adapter(model, 1, &failure));
  CHECK(distance(model, base) > 1e-3);
  oft_model_destroy(model);
  oft_script_destroy(base);
}

static void save_and_from_pretrained_keep_the_outputs(void) {
  char folder[kPathSize];
  path_in_folder(folder, "adapter");
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  turn_model(model, 0.5);
  CHECK_OK(oft_model_save_pretrained(model, TEXT(folder), NULL, 0, &failure));
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const expected = run_model(model, x, 0);

  oft_script* const base = new_script("mlp_scripted");
  oft_model* loaded = NULL;
  CHECK_OK(oft_model_from_pretrained(base, TEXT(folder), TEXT("default"), 0, NULL, 0, &loaded,
                                     &failure));
  oft_tensor* actual = run_model(loaded, x, 0);
  CHECK(difference(expected, actual, 12) == 0);
  oft_tensor_destroy(actual);

  CHECK_OK(oft_model_load_adapter(loaded, TEXT(folder), TEXT("again"), 0, 0, &failure));
  expect_in_report(loaded, "\"active\":[\"default\"]");
  oft_value* const arg = new_tensor_value(x);
  oft_value* result = NULL;
  CHECK_OK(oft_model_forward(loaded, (const oft_value* const*)&arg, 1, NULL, TEXT("[\"again\"]"), 0,
                             -1, &result, &failure));
  actual = take_tensor(result);
  CHECK(difference(expected, actual, 12) == 0);
  oft_tensor_destroy(actual);
  oft_value_destroy(arg);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(x);
  oft_model_destroy(loaded);
  oft_model_destroy(model);
  oft_script_destroy(base);
}

static void adapters_come_and_go(void) {
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  oft_config* const config = new_config(ALL_BLOCKS_OF_4);
  CHECK_OK(oft_model_add_adapter(model, TEXT("other"), config, 0, &failure));
  CHECK_OK(oft_model_set_adapter(model, TEXT("[\"other\", \"default\"]"), &failure));
  expect_in_report(model, "\"active\":[\"other\",\"default\"]");
  oft_adapter* adapter = NULL;
  CHECK_OK(oft_model_adapter(model, TEXT("other"), &adapter, &failure));
  struct text text;
  READ_TEXT(text, oft_adapter_to_json(adapter, buffer, capacity, &size, &failure));
  CHECK_CONTAINS(text.data, "\"name\":\"fc2\"");
  oft_adapter_destroy(adapter);
  CHECK_OK(oft_model_set_adapter(model, TEXT("[\"default\"]"), &failure));
  CHECK_OK(oft_model_delete_adapter(model, TEXT("other"), &failure));
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_model_delete_adapter(model, TEXT("other"), &failure),
              "'other'", "default");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_model_add_adapter(model, TEXT("default"), config, 0, &failure), "default");
  oft_config_destroy(config);
  oft_model_destroy(model);
}

static void strength_scales_an_adapter(void) {
  oft_script* const base = new_script("mlp_scripted");
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  turn_model(model, 0.5);
  const double whole = distance(model, base);
  double strength = 0;
  CHECK_OK(oft_model_adapter_strength(model, TEXT("default"), &strength, &failure));
  CHECK(strength == 1);
  CHECK_OK(oft_model_set_adapter_strength(model, TEXT("default"), 0.5, &failure));
  CHECK_OK(oft_model_adapter_strength(model, TEXT("default"), &strength, &failure));
  CHECK(strength == 0.5);
  expect_in_report(model, "\"strength\":0.5");
  const double half = distance(model, base);
  CHECK(half > whole / 10 && half < 0.9 * whole);
  CHECK_OK(oft_model_set_adapter_strength(model, TEXT("default"), 0, &failure));
  CHECK(distance(model, base) == 0);
  CHECK_OK(oft_model_set_adapter_strength(model, TEXT("default"), 1, &failure));
  CHECK(distance(model, base) == whole);
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_model_set_adapter_strength(model, TEXT("default"), NAN, &failure), "finite");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_model_set_adapter_strength(model, TEXT("x"), 1, &failure),
              "'x'", "default");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_model_adapter_strength(model, TEXT("x"), &strength, &failure), "'x'");
  CHECK(strength == 0.5);
  oft_model_destroy(model);
  oft_script_destroy(base);
}

static void merge_and_unmerge_restore_the_weights(void) {
  oft_script* const base = new_script("mlp_scripted");
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  turn_model(model, 0.5);
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const expected = run_model(model, x, 0);
  CHECK_OK(oft_model_merge_adapter(model, NULL, 0, 1, &failure));
  expect_in_report(model, "\"merged\":[\"default\"]");
  oft_tensor* const merged = run_model(model, x, 0);
  CHECK(difference(expected, merged, 12) < 1e-12);
  CHECK_FAILS(OFT_STATUS_INVALID_STATE, oft_model_delete_adapter(model, TEXT("default"), &failure),
              "merged");
  CHECK_OK(oft_model_unmerge_adapter(model, &failure));
  CHECK_OK(oft_model_enable_adapter(model, 0, &failure));
  CHECK(distance(model, base) == 0);
  oft_tensor_destroy(merged);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(x);
  oft_model_destroy(model);
  oft_script_destroy(base);
}

struct progress {
  uint64_t done;
  uint64_t total;
  uint64_t stop_at;
};

static int32_t count_layers(void* user_data, uint64_t done, uint64_t total) {
  struct progress* const progress = user_data;
  progress->done = done;
  progress->total = total;
  return done == progress->stop_at;
}

static void merge_and_unload_leaves_a_plain_module(void) {
  char path[kPathSize];
  path_in_folder(path, "merged.pt");
  oft_model* const model = new_model(ALL_BLOCKS_OF_4);
  turn_model(model, 0.5);
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const expected = run_model(model, x, 0);

  oft_script* merged = UNTOUCHED;
  struct progress progress = {.stop_at = 1};
  CHECK_FAILS(
      OFT_STATUS_CANCELLED,
      oft_model_merge_and_unload(model, NULL, 0, 1, count_layers, &progress, &merged, &failure),
      "cancel");
  CHECK(merged == UNTOUCHED);
  progress.stop_at = UINT64_MAX;
  CHECK_OK(oft_model_merge_and_unload(model, TEXT("[\"default\"]"), 1, count_layers, &progress,
                                      &merged, &failure));
  CHECK(progress.done == 3 && progress.total == 3);
  CHECK_FAILS(OFT_STATUS_INVALID_STATE, oft_model_train(model, 1, &failure), "unload");
  oft_model_destroy(model);

  CHECK_OK(oft_script_save(merged, TEXT(path), &failure));
  oft_script_destroy(merged);
  CHECK_OK(oft_script_load(TEXT(path), TEXT("cpu"), -1, &merged, &failure));
  oft_tensor* const actual = run_script(merged, x);
  CHECK(difference(expected, actual, 12) < 1e-12);
  oft_tensor_destroy(actual);
  oft_script_destroy(merged);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(x);
}

static void unload_gives_the_base(void) {
  oft_script* const base = new_script("mlp_scripted");
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  turn_model(model, 0.5);
  oft_script* unloaded = NULL;
  CHECK_OK(oft_model_unload(model, &unloaded, &failure));
  oft_model_destroy(model);
  oft_tensor* const x = new_input(3, 16);
  oft_tensor* const expected = run_script(base, x);
  oft_tensor* const actual = run_script(unloaded, x);
  CHECK(difference(expected, actual, 12) == 0);
  oft_tensor_destroy(actual);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(x);
  oft_script_destroy(unloaded);
  oft_script_destroy(base);
}

static void autocast_is_for_one_call(void) {
  oft_script* script = NULL;
  char path[kPathSize];
  CHECK(snprintf(path, sizeof path, "%s/scripts/mlp_scripted.pt", OFT_TEST_DATA_DIR) < kPathSize);
  CHECK_OK(oft_script_load(TEXT(path), TEXT("cpu"), -1, &script, &failure));
  oft_config* const config = new_config(FC1_BLOCKS_OF_4);
  oft_model* model = NULL;
  CHECK_OK(oft_model_create(script, config, TEXT("default"), NULL, 0, &model, &failure));
  oft_tensor* const doubles = new_input(3, 16);
  oft_tensor* x = NULL;
  CHECK_OK(oft_tensor_to(doubles, OFT_DTYPE_FLOAT32, &x, &failure));
  oft_value* const arg = new_tensor_value(x);
  /* Often enough for TorchScript to compile what it profiled. */
  static const oft_dtype modes[] = {OFT_DTYPE_BFLOAT16,
                                    OFT_DTYPE_BFLOAT16,
                                    OFT_DTYPE_BFLOAT16,
                                    OFT_DTYPE_FLOAT16,
                                    OFT_DTYPE_FLOAT16,
                                    -1,
                                    -1,
                                    -1,
                                    OFT_DTYPE_BFLOAT16};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; ++i) {
    oft_value* result = NULL;
    CHECK_OK(oft_model_forward(model, (const oft_value* const*)&arg, 1, NULL, NULL, 0, 0, modes[i],
                               &result, &failure));
    oft_tensor* const y = take_tensor(result);
    oft_dtype dtype = -1;
    CHECK_OK(oft_tensor_dtype(y, &dtype, &failure));
    CHECK(dtype == (modes[i] == -1 ? OFT_DTYPE_FLOAT32 : modes[i]));
    oft_tensor_destroy(y);
  }
  oft_value* result = NULL;
  CHECK_OK(oft_model_forward(model, (const oft_value* const*)&arg, 1, NULL, NULL, 0, 1,
                             OFT_DTYPE_BFLOAT16, &result, &failure));
  oft_tensor* const y = take_tensor(result);
  oft_tensor* const loss = new_loss(y);
  CHECK_OK(oft_tensor_backward(loss, NULL, 0, &failure));
  oft_tensor_destroy(model_parameter(model, "fc1.oft_R.default.weight", true));
  oft_tensor_destroy(loss);
  oft_tensor_destroy(y);

  result = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_model_forward(model, (const oft_value* const*)&arg, 1, NULL, NULL, 0, 0,
                                OFT_DTYPE_INT64, &result, &failure),
              "int64", "bfloat16");
  CHECK(result == UNTOUCHED);
  oft_value_destroy(arg);
  oft_tensor_destroy(x);
  oft_tensor_destroy(doubles);
  oft_model_destroy(model);
  oft_config_destroy(config);
  oft_script_destroy(script);
}

static void bad_models_are_refused(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_script* frozen = NULL;
  char path[kPathSize];
  CHECK(snprintf(path, sizeof path, "%s/scripts/frozen.pt", OFT_TEST_DATA_DIR) < kPathSize);
  CHECK_OK(oft_script_load(TEXT(path), TEXT("cpu"), -1, &frozen, &failure));
  oft_config* const config = new_config(FC1_BLOCKS_OF_4);
  oft_config* const missing = new_config("{\"oft_block_size\": 4, \"target_modules\": [\"fc9\"]}");
  oft_model* model = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED,
              oft_model_create(frozen, config, TEXT("default"), NULL, 0, &model, &failure),
              "frozen");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_model_create(script, missing, TEXT("default"), NULL, 0, &model, &failure), "fc9");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_model_create(script, config, TEXT("a.b"), NULL, 0, &model, &failure), "a.b");
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_model_create(script, config, TEXT("default"), TEXT("[]"), &model, &failure),
              "model options");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_model_create(script, config, TEXT("default"), TEXT("{\"low_memory\": true}"),
                               &model, &failure),
              "low_memory", "low_cpu_mem_usage");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_model_from_pretrained(script, TEXT("/none"), TEXT("default"), 0, NULL, 0, &model,
                                        &failure),
              "/none");
  CHECK(model == UNTOUCHED);
  oft_config_destroy(missing);
  oft_config_destroy(config);
  oft_script_destroy(frozen);
  oft_script_destroy(script);
}

static void options_are_obeyed(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_config* const config = new_config(FC1_BLOCKS_OF_4);
  oft_model* model = NULL;
  CHECK_OK(oft_model_create(script, config, TEXT("default"),
                            TEXT("{\"low_cpu_mem_usage\": true, \"keep_base_weights\": false, "
                                 "\"model_type\": null, \"output_embedding\": \"head\", "
                                 "\"is_pretrained_model\": true}"),
                            &model, &failure));
  oft_tensor* tensor = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_STATE,
              oft_model_parameter(model, TEXT("fc1.oft_R.default.weight"), &tensor, NULL, &failure),
              "low_cpu_mem_usage");
  CHECK(tensor == UNTOUCHED);
  oft_model_destroy(model);
  oft_config_destroy(config);
  oft_script_destroy(script);
}

static void names_must_be_an_array_of_adapters(void) {
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  CHECK_FAILS(OFT_STATUS_PARSE, oft_model_set_adapter(model, TEXT("default"), &failure),
              "adapter names");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_model_set_adapter(model, TEXT("[1]"), &failure), "[1]");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_model_set_adapter(model, TEXT("[\"x\"]"), &failure), "'x'",
              "default");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_model_merge_adapter(model, TEXT("[\"x\"]"), 0, &failure),
              "'x'");
  expect_in_report(model, "\"active\":[\"default\"]");
  oft_model_destroy(model);
}

static void null_is_refused(void) {
  oft_script* const script = new_script("mlp_scripted");
  oft_config* const config = new_config(FC1_BLOCKS_OF_4);
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  oft_model* other = UNTOUCHED;
  oft_script* unloaded = UNTOUCHED;
  oft_adapter* adapter = UNTOUCHED;
  oft_tensor* tensor = UNTOUCHED;
  oft_tensor* grad = UNTOUCHED;
  oft_value* result = UNTOUCHED;
  oft_text* report = UNTOUCHED;
  CHECK_REFUSES_NULL(oft_model_create(NULL, config, TEXT("a"), NULL, 0, &other, &failure),
                     "script");
  CHECK_REFUSES_NULL(oft_model_create(script, NULL, TEXT("a"), NULL, 0, &other, &failure),
                     "config");
  CHECK_REFUSES_NULL(oft_model_create(script, config, NULL, 1, NULL, 0, &other, &failure),
                     "adapter_name");
  CHECK_REFUSES_NULL(oft_model_create(script, config, TEXT("a"), NULL, 1, &other, &failure),
                     "options");
  CHECK_REFUSES_NULL(oft_model_create(script, config, TEXT("a"), NULL, 0, NULL, &failure),
                     "out_model");
  CHECK_REFUSES_NULL(
      oft_model_from_pretrained(NULL, TEXT("."), TEXT("a"), 0, NULL, 0, &other, &failure),
      "script");
  CHECK_REFUSES_NULL(
      oft_model_from_pretrained(script, NULL, 1, TEXT("a"), 0, NULL, 0, &other, &failure), "path");
  CHECK_REFUSES_NULL(oft_model_add_adapter(NULL, TEXT("a"), config, 0, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_add_adapter(model, NULL, 1, config, 0, &failure), "name");
  CHECK_REFUSES_NULL(oft_model_add_adapter(model, TEXT("a"), NULL, 0, &failure), "config");
  CHECK_REFUSES_NULL(oft_model_load_adapter(NULL, TEXT("."), TEXT("a"), 0, 0, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_save_pretrained(NULL, TEXT("."), NULL, 0, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_save_pretrained(model, NULL, 1, NULL, 0, &failure), "path");
  CHECK_REFUSES_NULL(oft_model_set_adapter(NULL, TEXT("[]"), &failure), "model");
  CHECK_REFUSES_NULL(oft_model_set_adapter(model, NULL, 2, &failure), "names");
  CHECK_REFUSES_NULL(oft_model_set_adapter_strength(NULL, TEXT("default"), 1, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_set_adapter_strength(model, NULL, 1, 1, &failure), "name");
  double strength = 7;
  CHECK_REFUSES_NULL(oft_model_adapter_strength(NULL, TEXT("default"), &strength, &failure),
                     "model");
  CHECK_REFUSES_NULL(oft_model_adapter_strength(model, TEXT("default"), NULL, &failure),
                     "out_strength");
  CHECK(strength == 7);
  CHECK_REFUSES_NULL(oft_model_delete_adapter(NULL, TEXT("default"), &failure), "model");
  CHECK_REFUSES_NULL(oft_model_enable_adapter(NULL, 1, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_adapter(NULL, TEXT("default"), &adapter, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_adapter(model, TEXT("default"), NULL, &failure), "out_adapter");
  CHECK_REFUSES_NULL(oft_model_merge_adapter(NULL, NULL, 0, 0, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_merge_adapter(model, NULL, 2, 0, &failure), "names");
  CHECK_REFUSES_NULL(oft_model_unmerge_adapter(NULL, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_merge_and_unload(NULL, NULL, 0, 0, NULL, NULL, &unloaded, &failure),
                     "model");
  CHECK_REFUSES_NULL(oft_model_merge_and_unload(model, NULL, 0, 0, NULL, NULL, NULL, &failure),
                     "out_script");
  CHECK_REFUSES_NULL(oft_model_unload(NULL, &unloaded, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_unload(model, NULL, &failure), "out_script");
  CHECK_REFUSES_NULL(oft_model_forward(NULL, NULL, 0, NULL, NULL, 0, 0, -1, &result, &failure),
                     "model");
  CHECK_REFUSES_NULL(oft_model_forward(model, NULL, 1, NULL, NULL, 0, 0, -1, &result, &failure),
                     "args");
  CHECK_REFUSES_NULL(oft_model_forward(model, NULL, 0, NULL, NULL, 0, 0, -1, NULL, &failure),
                     "out_result");
  CHECK_REFUSES_NULL(oft_model_train(NULL, 1, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_to_json(NULL, &report, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_to_json(model, NULL, &failure), "out_report");
  CHECK_REFUSES_NULL(oft_model_parameter(NULL, TEXT("a"), &tensor, &grad, &failure), "model");
  CHECK_REFUSES_NULL(oft_model_parameter(model, NULL, 1, &tensor, &grad, &failure), "name");
  CHECK_REFUSES_NULL(
      oft_model_parameter(model, TEXT("fc1.oft_R.default.weight"), NULL, &grad, &failure),
      "out_tensor");
  CHECK(other == UNTOUCHED && unloaded == UNTOUCHED && adapter == UNTOUCHED);
  CHECK(tensor == UNTOUCHED && grad == UNTOUCHED && result == UNTOUCHED && report == UNTOUCHED);
  CHECK_OK(oft_model_train(model, 0, &failure)); /* still usable: nothing was unloaded */
  oft_model_destroy(model);
  oft_model_destroy(NULL);
  oft_config_destroy(config);
  oft_script_destroy(script);
}

static const struct test_case cases[] = {
    TEST_CASE(a_new_adapter_is_the_identity_and_a_turned_one_is_not),
    TEST_CASE(save_and_from_pretrained_keep_the_outputs),
    TEST_CASE(adapters_come_and_go),
    TEST_CASE(strength_scales_an_adapter),
    TEST_CASE(merge_and_unmerge_restore_the_weights),
    TEST_CASE(merge_and_unload_leaves_a_plain_module),
    TEST_CASE(unload_gives_the_base),
    TEST_CASE(autocast_is_for_one_call),
    TEST_CASE(bad_models_are_refused),
    TEST_CASE(options_are_obeyed),
    TEST_CASE(names_must_be_an_array_of_adapters),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(model);
