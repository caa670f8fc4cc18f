#include <pthread.h>

#include "fixtures.h"
#include "test.h"

/** The usual paths of a case, in its folder. */
struct paths {
  char folder[kPathSize], base[kPathSize], adapter[kPathSize], target[kPathSize];
};

/** Writes base and adapter, which merge into merged_a. */
static void write_inputs(struct paths* paths) {
  path_in_folder(paths->folder, "");
  path_in_folder(paths->base, "base.safetensors");
  path_in_folder(paths->adapter, "adapter");
  path_in_folder(paths->target, "merged.safetensors");
  write_base(paths->base);
  save_adapter_a(paths->adapter, "fc1");
}

static oft_checkpoint_merge* new_merge(const char* base, const char* adapter) {
  oft_checkpoint_merge* merge = NULL;
  CHECK_OK(oft_checkpoint_merge_create(TEXT(base), &merge, &failure));
  CHECK_OK(oft_checkpoint_merge_adapter(merge, TEXT(adapter), &failure));
  return merge;
}

static void set_options(oft_checkpoint_merge* merge, const char* json) {
  CHECK_OK(oft_checkpoint_merge_options(merge, TEXT(json), &failure));
}

static void run(oft_checkpoint_merge* merge, const char* target) {
  CHECK_OK(oft_checkpoint_merge_run(merge, TEXT(target), NULL, NULL, &failure));
}

static void read_report(struct text* report, const oft_checkpoint_merge* merge) {
  READ_TEXT(*report, oft_checkpoint_merge_report(merge, buffer, capacity, &size, &failure));
}

static void check_stored(const char* path, const char* name, const double* expected, size_t count) {
  double values[8];
  read_stored(path, name, values, count);
  CHECK_CLOSE(values, expected, count);
}

/** Runs a merge that must fail with `status` and these words, and leave no trace. */
static void check_run_fails(oft_checkpoint_merge* merge, const struct paths* paths,
                            oft_status status, const char* thing, const char* value) {
  const int before = count_entries(paths->folder);
  CHECK_FAILS(status, oft_checkpoint_merge_run(merge, TEXT(paths->target), NULL, NULL, &failure),
              thing, value);
  CHECK(count_entries(paths->folder) == before);
  CHECK_FAILS(OFT_STATUS_INVALID_STATE,
              oft_checkpoint_merge_report(merge, NULL, 0, &(size_t){0}, &failure), "no report");
}

static void a_file_is_merged_into_a_file(void) {
  struct paths paths;
  write_inputs(&paths);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  set_options(merge, "{\"verify\": true, \"safe\": true, \"sync\": false, \"threads\": 1}");
  run(merge, paths.target);
  check_stored(paths.target, "fc1.weight", merged_a, 8);
  check_stored(paths.target, "fc1.bias", (const double[]){0.1, -0.2}, 2);

  struct text report;
  read_report(&report, merge);
  CHECK_CONTAINS(report.data, "\"name\":\"fc1\"");
  CHECK_CONTAINS(report.data, "\"kind\":\"Linear\"");
  CHECK_CONTAINS(report.data, "\"shape\":[2,4]");
  CHECK_CONTAINS(report.data, "\"dtype\":\"float64\"");
  CHECK_CONTAINS(report.data, "\"block_size\":2");
  CHECK_CONTAINS(report.data, "\"files\":[\"merged.safetensors\"]");
  CHECK_CONTAINS(report.data, "\"bytes_written\":80");
  CHECK_CONTAINS(report.data, "\"verified\":true");
  oft_checkpoint_merge_destroy(merge);
}

static void a_folder_is_merged_into_a_folder(void) {
  struct paths paths;
  write_inputs(&paths);
  char path[kPathSize];
  path_in_folder(paths.base, "base");
  path_in_folder(paths.target, "merged");
  make_folder(paths.base);
  path_in_folder(path, "base/model.safetensors");
  write_base(path);
  path_in_folder(path, "base/config.json");
  write_file(path, "{\"a\": 1}", 8);

  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  run(merge, paths.target);
  path_in_folder(path, "merged/model.safetensors");
  check_stored(path, "fc1.weight", merged_a, 8);
  char config[16] = "";
  path_in_folder(path, "merged/config.json");
  CHECK(read_file(path, config, sizeof config) == 8 && memcmp(config, "{\"a\": 1}", 8) == 0);
  CHECK(count_entries(paths.target) == 2);
  oft_checkpoint_merge_destroy(merge);
}

/** Writes a pipeline of three components with the same weights as the base. */
static void write_pipeline(struct paths* paths) {
  static const char* const folders[] = {"pipe", "pipe/text_encoder", "pipe/unet", "pipe/vae"};
  static const char* const weights[] = {"pipe/text_encoder/model.safetensors",
                                        "pipe/unet/model.safetensors",
                                        "pipe/vae/model.safetensors"};
  char path[kPathSize];
  for (int i = 0; i < 4; ++i) {
    path_in_folder(path, folders[i]);
    make_folder(path);
  }
  for (int i = 0; i < 3; ++i) {
    path_in_folder(path, weights[i]);
    write_base(path);
  }
  path_in_folder(path, "pipe/model_index.json");
  write_file(path, "{}", 2);
  path_in_folder(paths->base, "pipe");
  path_in_folder(paths->target, "merged");
}

static void components_of_a_pipeline_are_merged_in_one_run(void) {
  struct paths paths;
  write_inputs(&paths);
  write_pipeline(&paths);
  oft_checkpoint_merge* merge = NULL;
  CHECK_OK(oft_checkpoint_merge_create(TEXT(paths.base), &merge, &failure));
  CHECK_OK(
      oft_checkpoint_merge_component_adapter(merge, TEXT("unet"), TEXT(paths.adapter), &failure));
  CHECK_OK(oft_checkpoint_merge_component_adapter(merge, TEXT("text_encoder"), TEXT(paths.adapter),
                                                  &failure));
  run(merge, paths.target);
  char path[kPathSize];
  path_in_folder(path, "merged/text_encoder/model.safetensors");
  check_stored(path, "fc1.weight", merged_a, 8);
  path_in_folder(path, "merged/unet/model.safetensors");
  check_stored(path, "fc1.weight", merged_a, 8);
  path_in_folder(path, "merged/vae/model.safetensors");
  check_stored(path, "fc1.weight", weight_a, 8);
  path_in_folder(path, "merged/model_index.json");
  CHECK(read_file(path, (char[8]){0}, 8) == 2);

  struct text report;
  read_report(&report, merge);
  CHECK_CONTAINS(report.data, "\"component\":\"text_encoder\"");
  CHECK_CONTAINS(report.data, "\"component\":\"unet\"");
  CHECK_CONTAINS(report.data,
                 "\"files\":[\"text_encoder/model.safetensors\",\"unet/model.safetensors\"]");
  oft_checkpoint_merge_destroy(merge);
}

static void components_that_are_unclear_are_refused(void) {
  struct paths paths;
  write_inputs(&paths);
  write_pipeline(&paths);
  oft_checkpoint_merge* merge = new_merge(paths.base, paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, "fits several components",
                  "'text_encoder', 'unet', 'vae'");
  oft_checkpoint_merge_destroy(merge);
  CHECK_OK(oft_checkpoint_merge_create(TEXT(paths.base), &merge, &failure));
  CHECK_OK(
      oft_checkpoint_merge_component_adapter(merge, TEXT("unett"), TEXT(paths.adapter), &failure));
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, "'unett'",
                  "'text_encoder', 'unet', 'vae'");
  oft_checkpoint_merge_destroy(merge);
}

static void several_adapters_apply_in_the_order_of_a_forward(void) {
  static const double q[6] = {0.1, 0.2, -0.1, 0.05, 0.15, -0.2};
  static const double expected[8] = {-0.481427411594, 0.505462071506, 5.377206247134,
                                     0.773555891594,  1.457353407931, -0.740973760870,
                                     1.440258927704,  0.751819892835};
  struct paths paths;
  write_inputs(&paths);
  char second[kPathSize];
  path_in_folder(second, "second");
  save_adapter(second, "{\"oft_block_size\": 4}", "fc1", q, 1, 6);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  CHECK_OK(oft_checkpoint_merge_adapter(merge, TEXT(second), &failure));
  run(merge, paths.target);
  check_stored(paths.target, "fc1.weight", expected, 8);
  oft_checkpoint_merge_destroy(merge);
}

static void the_last_options_count(void) {
  struct paths paths;
  write_inputs(&paths);
  char shards[kPathSize];
  path_in_folder(shards, "shards");
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  set_options(merge, "{\"max_shard_size\": 64, \"dtype\": null, \"device\": \"cpu\"}");
  run(merge, shards);
  struct text report;
  read_report(&report, merge);
  CHECK_CONTAINS(report.data, "-00002-of-00002.safetensors");
  CHECK(count_entries(shards) == 3); /* two shards and their index */

  set_options(merge, "{}");
  run(merge, paths.target);
  check_stored(paths.target, "fc1.weight", merged_a, 8);
  read_report(&report, merge);
  CHECK_CONTAINS(report.data, "\"files\":[\"merged.safetensors\"]");
  oft_checkpoint_merge_destroy(merge);
}

static void force_replaces_what_exists(void) {
  struct paths paths;
  write_inputs(&paths);
  write_file(paths.target, "old", 3);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, "merged.safetensors",
                  "exists already");
  char content[8] = "";
  CHECK(read_file(paths.target, content, sizeof content) == 3 && memcmp(content, "old", 3) == 0);
  set_options(merge, "{\"force\": true}");
  run(merge, paths.target);
  check_stored(paths.target, "fc1.weight", merged_a, 8);
  oft_checkpoint_merge_destroy(merge);
}

static void options_are_checked(void) {
  oft_checkpoint_merge* const merge = new_merge("base", "adapter");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_checkpoint_merge_options(merge, TEXT("{"), &failure), "options",
              "line 1, column 2");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_checkpoint_merge_options(merge, TEXT("[]"), &failure),
              "options", "object");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_checkpoint_merge_options(merge, NULL, 0, &failure), "options");
  static const struct {
    const char *json, *key, *value, *remedy;
  } wrong[] = {
      {"{\"save\": true}", "save", "true", "known are safe"},
      {"{\"safe\": 1}", "safe", "1", "true or false"},
      {"{\"verify\": null}", "verify", "null", "true or false"},
      {"{\"dtype\": \"int8\"}", "dtype", "\"int8\"", "\"bfloat16\""},
      {"{\"threads\": -1}", "threads", "-1", "0 to 1024"},
      {"{\"max_shard_size\": \"5GB\"}", "max_shard_size", "\"5GB\"", "whole number"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i)
    CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
                oft_checkpoint_merge_options(merge, TEXT(wrong[i].json), &failure), wrong[i].key,
                wrong[i].value, wrong[i].remedy);
  oft_checkpoint_merge_destroy(merge);
}

static void an_absent_device_is_named(void) {
  oft_checkpoint_merge* const merge = new_merge("base", "adapter");
  CHECK_FAILS(OFT_STATUS_DEVICE,
              oft_checkpoint_merge_options(merge, TEXT("{\"device\": \"cuda\"}"), &failure),
              "device 'cuda'", "built without", "\"cpu\"");
  oft_checkpoint_merge_destroy(merge);
}

static void a_merge_needs_an_adapter(void) {
  struct paths paths;
  write_inputs(&paths);
  oft_checkpoint_merge* merge = NULL;
  CHECK_OK(oft_checkpoint_merge_create(TEXT(paths.base), &merge, &failure));
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_STATE, "no adapter", "add one");
  oft_checkpoint_merge_destroy(merge);
}

static void missing_inputs_are_not_found(void) {
  struct paths paths;
  write_inputs(&paths);
  oft_checkpoint_merge* merge = new_merge("/nowhere/base.safetensors", paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_NOT_FOUND, "/nowhere/base.safetensors", "no such");
  oft_checkpoint_merge_destroy(merge);
  merge = new_merge(paths.base, "/nowhere/adapter");
  check_run_fails(merge, &paths, OFT_STATUS_NOT_FOUND, "/nowhere/adapter", "no such");
  oft_checkpoint_merge_destroy(merge);
}

static void malformed_inputs_are_parse_errors(void) {
  struct paths paths;
  write_inputs(&paths);
  write_file(paths.base, "0123456789", 10);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_PARSE, "base.safetensors", "header");
  oft_checkpoint_merge_destroy(merge);
}

static void adapters_of_other_models_are_refused(void) {
  struct paths paths;
  write_inputs(&paths);
  save_adapter_a(paths.adapter, "fc7");
  oft_checkpoint_merge* merge = new_merge(paths.base, paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, "'fc7'",
                  "nearest to the first: 'fc1'");
  oft_checkpoint_merge_destroy(merge);

  static const double wide[4] = {0.1, 0.2, 0.3, 0.4};
  save_adapter(paths.adapter, EXACT_BLOCKS_OF_2, "fc1", wide, 4, 1);
  merge = new_merge(paths.base, paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, "'fc1'", "[2, 4]");
  oft_checkpoint_merge_destroy(merge);
}

static void quantised_weights_are_unsupported(void) {
  struct paths paths;
  write_inputs(&paths);
  write_safetensors(paths.base,
                    "{\"fc1.weight\":{\"dtype\":\"I8\",\"shape\":[2,4],\"data_offsets\":[0,8]}}",
                    "01234567", 8);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  check_run_fails(merge, &paths, OFT_STATUS_UNSUPPORTED, "'fc1'", "I8");
  oft_checkpoint_merge_destroy(merge);
}

static void targets_that_cannot_be_are_io_errors(void) {
  struct paths paths;
  write_inputs(&paths);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  path_in_folder(paths.target, "absent/merged.safetensors");
  check_run_fails(merge, &paths, OFT_STATUS_IO, "absent/merged.safetensors", "No such file");
  path_in_folder(paths.target, "file");
  write_file(paths.target, "", 0);
  path_in_folder(paths.target, "file/merged.safetensors");
  check_run_fails(merge, &paths, OFT_STATUS_IO, "file/merged.safetensors", "Not a directory");
  oft_checkpoint_merge_destroy(merge);
}

static void safe_refuses_results_that_are_not_finite(void) {
  struct paths paths;
  write_inputs(&paths);
  static const unsigned char nan_and_zeros[64] = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
  write_safetensors(paths.base,
                    "{\"fc1.weight\":{\"dtype\":\"F64\",\"shape\":[2,4],\"data_offsets\":[0,64]}}",
                    nan_and_zeros, 64);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  set_options(merge, "{\"safe\": true}");
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, "'fc1'", "not finite");
  set_options(merge, "{\"safe\": false}");
  run(merge, paths.target);
  oft_checkpoint_merge_destroy(merge);
}

/** What a progress function saw. */
struct sight {
  int calls;
  int answer;
  uint64_t done, total;
  pthread_t thread;
};

static int32_t watch(void* user_data, uint64_t done_bytes, uint64_t total_bytes) {
  struct sight* const sight = user_data;
  ++sight->calls;
  sight->done = done_bytes;
  sight->total = total_bytes;
  sight->thread = pthread_self();
  return sight->answer;
}

static void progress_comes_on_the_thread_of_the_run(void) {
  struct paths paths;
  write_inputs(&paths);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  struct sight sight = {0};
  CHECK_OK(oft_checkpoint_merge_run(merge, TEXT(paths.target), watch, &sight, &failure));
  CHECK(sight.calls > 0);
  CHECK(sight.done == 80 && sight.total == 80);
  CHECK(pthread_equal(sight.thread, pthread_self()));
  oft_checkpoint_merge_destroy(merge);
}

static void progress_can_cancel(void) {
  struct paths paths;
  write_inputs(&paths);
  const int before = count_entries(paths.folder);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  const int32_t answers[] = {1, -1};
  for (int i = 0; i < 2; ++i) {
    struct sight sight = {.answer = answers[i]};
    CHECK_FAILS(OFT_STATUS_CANCELLED,
                oft_checkpoint_merge_run(merge, TEXT(paths.target), watch, &sight, &failure),
                "cancelled");
    CHECK(sight.calls == 1);
    CHECK(count_entries(paths.folder) == before);
  }
  /* The function was for those runs only. */
  run(merge, paths.target);
  check_stored(paths.target, "fc1.weight", merged_a, 8);
  oft_checkpoint_merge_destroy(merge);
}

static void a_cancelled_folder_is_gone(void) {
  struct paths paths;
  write_inputs(&paths);
  char path[kPathSize];
  path_in_folder(paths.base, "base");
  path_in_folder(paths.target, "merged");
  make_folder(paths.base);
  path_in_folder(path, "base/model.safetensors");
  write_base(path);
  const int before = count_entries(paths.folder);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  struct sight sight = {.answer = 1};
  CHECK_FAILS(OFT_STATUS_CANCELLED,
              oft_checkpoint_merge_run(merge, TEXT(paths.target), watch, &sight, &failure),
              "nothing was written");
  CHECK(count_entries(paths.folder) == before);
  oft_checkpoint_merge_destroy(merge);
}

static void the_report_is_that_of_the_last_run(void) {
  struct paths paths;
  write_inputs(&paths);
  oft_checkpoint_merge* const merge = new_merge(paths.base, paths.adapter);
  size_t size = 17;
  CHECK_FAILS(OFT_STATUS_INVALID_STATE,
              oft_checkpoint_merge_report(merge, NULL, 0, &size, &failure), "no report");
  run(merge, paths.target);
  struct text report;
  read_report(&report, merge);
  check_run_fails(merge, &paths, OFT_STATUS_INVALID_ARGUMENT, paths.target, "exists already");
  CHECK(size == 17);
  oft_checkpoint_merge_destroy(merge);
}

static void null_is_refused(void) {
  oft_checkpoint_merge* const merge = new_merge("base", "adapter");
  oft_checkpoint_merge* out = UNTOUCHED;
  size_t size = 17;
  CHECK_REFUSES_NULL(oft_checkpoint_merge_create(NULL, 1, &out, &failure), "base");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_create(TEXT("base"), NULL, &failure), "out_merge");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_adapter(NULL, TEXT("adapter"), &failure), "merge");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_adapter(merge, NULL, 1, &failure), "path");
  CHECK_REFUSES_NULL(
      oft_checkpoint_merge_component_adapter(NULL, TEXT("unet"), TEXT("adapter"), &failure),
      "merge");
  CHECK_REFUSES_NULL(
      oft_checkpoint_merge_component_adapter(merge, NULL, 1, TEXT("adapter"), &failure),
      "component");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_component_adapter(merge, TEXT("unet"), NULL, 1, &failure),
                     "path");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_options(NULL, TEXT("{}"), &failure), "merge");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_options(merge, NULL, 2, &failure), "json");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_run(NULL, TEXT("target"), NULL, NULL, &failure), "merge");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_run(merge, NULL, 1, NULL, NULL, &failure), "target");
  CHECK_REFUSES_NULL(oft_checkpoint_merge_report(NULL, NULL, 0, &size, &failure), "merge");
  CHECK(out == UNTOUCHED && size == 17);
  oft_checkpoint_merge_destroy(merge);
}

static const struct test_case cases[] = {
    TEST_CASE(a_file_is_merged_into_a_file),
    TEST_CASE(a_folder_is_merged_into_a_folder),
    TEST_CASE(components_of_a_pipeline_are_merged_in_one_run),
    TEST_CASE(components_that_are_unclear_are_refused),
    TEST_CASE(several_adapters_apply_in_the_order_of_a_forward),
    TEST_CASE(the_last_options_count),
    TEST_CASE(force_replaces_what_exists),
    TEST_CASE(options_are_checked),
    TEST_CASE(an_absent_device_is_named),
    TEST_CASE(a_merge_needs_an_adapter),
    TEST_CASE(missing_inputs_are_not_found),
    TEST_CASE(malformed_inputs_are_parse_errors),
    TEST_CASE(adapters_of_other_models_are_refused),
    TEST_CASE(quantised_weights_are_unsupported),
    TEST_CASE(targets_that_cannot_be_are_io_errors),
    TEST_CASE(safe_refuses_results_that_are_not_finite),
    TEST_CASE(progress_comes_on_the_thread_of_the_run),
    TEST_CASE(progress_can_cancel),
    TEST_CASE(a_cancelled_folder_is_gone),
    TEST_CASE(the_report_is_that_of_the_last_run),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(checkpoint_merge);
