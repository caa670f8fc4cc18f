#include <math.h>
#include <stdio.h>

#include "fixtures.h"
#include "test.h"

/** The adapter of one layer fc1 with the rotation of new_rotation_a. */
static oft_adapter* new_adapter_a(void) {
  oft_adapter* adapter = NULL;
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  CHECK_OK(oft_adapter_create(config, &adapter, &failure));
  CHECK_OK(oft_adapter_put(adapter, TEXT("fc1"), 0, q, &failure));
  oft_tensor_destroy(q);
  oft_config_destroy(config);
  return adapter;
}

/** Compares the parameters of layer fc1 to twelve digits, then destroys the adapter. */
static void check_parameters(oft_adapter* adapter, const double expected[2]) {
  oft_rotation* rotation = NULL;
  oft_tensor* q = NULL;
  CHECK_OK(oft_adapter_rotation(adapter, TEXT("fc1"), 4, &rotation, &failure));
  CHECK_OK(oft_rotation_q(rotation, &q, &failure));
  CHECK_ELEMENTS(q, expected, 2);
  oft_rotation_destroy(rotation);
  oft_adapter_destroy(adapter);
}

static void a_power_scales_the_angles(void) {
  oft_rotation* const rotation = new_rotation_a();
  oft_rotation* half = NULL;
  oft_tensor* q = NULL;
  CHECK_OK(oft_rotation_power(rotation, 0.5, &half, &failure));
  CHECK_OK(oft_rotation_q(half, &q, &failure));
  const double expected[2] = {tan(atan(0.3) / 2), -tan(atan(0.2) / 2)};
  CHECK_ELEMENTS(q, expected, 2);
  oft_rotation* untouched = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_power(rotation, NAN, &untouched, &failure),
              "finite");
  CHECK(untouched == UNTOUCHED);
  oft_rotation_destroy(half);
  oft_rotation_destroy(rotation);
}

static void blending_adds_angles(void) {
  oft_adapter* const a = new_adapter_a();
  const oft_adapter* const adapters[2] = {a, a};
  const double weights[2] = {0.5, 0.25};
  oft_adapter* blend = NULL;
  oft_text* report = NULL;
  CHECK_OK(oft_blend_adapters(adapters, weights, 2, NULL, 0, &blend, &report, &failure));
  const double expected[2] = {tan(0.75 * atan(0.3)), -tan(0.75 * atan(0.2))};
  check_parameters(blend, expected);
  struct text text;
  take_text(&text, report);
  CHECK_CONTAINS(text.data, "\"rule\":\"group\"");
  CHECK_CONTAINS(text.data, "\"side\":\"input\"");
  CHECK_CONTAINS(text.data, "\"name\":\"fc1\"");
  CHECK_CONTAINS(text.data, "\"adapters\":2");

  const double ones[2] = {1, 1};
  CHECK_OK(oft_blend_adapters(adapters, ones, 2, TEXT("{\"rule\": \"ortho_merge\"}"), &blend, NULL,
                              &failure));
  check_parameters(blend, q_a);
  oft_adapter_destroy(a);
}

static void blends_that_cannot_be_are_refused(void) {
  oft_adapter* const a = new_adapter_a();
  const oft_adapter* const adapters[2] = {a, NULL};
  const double weights[2] = {1, NAN};
  oft_adapter* blend = UNTOUCHED;
  oft_text* report = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_blend_adapters(adapters, weights, 2, NULL, 0, &blend, &report, &failure),
              "adapter is NULL");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_blend_adapters(NULL, NULL, 0, NULL, 0, &blend, &report, &failure), "no adapter");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_blend_adapters(adapters, weights + 1, 1, NULL, 0, &blend, &report, &failure),
              "finite");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_blend_adapters(adapters, weights, 1, TEXT("{\"rule\": \"mean\"}"), &blend,
                                 &report, &failure),
              "ortho_merge");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_blend_adapters(adapters, weights, 1, NULL, 0, NULL, &report, &failure),
              "out_adapter");
  CHECK(blend == UNTOUCHED && report == UNTOUCHED);
  oft_adapter_destroy(a);
}

/** Writes a base and what merging adapter a makes of it. */
static void write_pair(char base[kPathSize], char tuned[kPathSize]) {
  char adapter[kPathSize];
  path_in_folder(base, "base.safetensors");
  path_in_folder(tuned, "tuned.safetensors");
  path_in_folder(adapter, "adapter");
  write_base(base);
  save_adapter_a(adapter, "fc1");
  oft_checkpoint_merge* merge = NULL;
  CHECK_OK(oft_checkpoint_merge_create(TEXT(base), &merge, &failure));
  CHECK_OK(oft_checkpoint_merge_adapter(merge, TEXT(adapter), &failure));
  CHECK_OK(oft_checkpoint_merge_run(merge, TEXT(tuned), NULL, NULL, &failure));
  oft_checkpoint_merge_destroy(merge);
}

/** Counts its calls; cancels at once where there is nothing to count in. */
static int32_t watch(void* user_data, uint64_t done, uint64_t total) {
  if (user_data == NULL) return 1;
  ++*(int*)user_data;
  return done > total;
}

static void what_was_merged_is_extracted(void) {
  char base[kPathSize], tuned[kPathSize];
  write_pair(base, tuned);
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_adapter* adapter = NULL;
  oft_text* report = NULL;
  int calls = 0;
  CHECK_OK(oft_extract_adapter(TEXT(base), TEXT(tuned), config, TEXT("{\"dtype\": \"float64\"}"),
                               watch, &calls, &adapter, &report, &failure));
  CHECK(calls > 0);
  oft_rotation* rotation = NULL;
  oft_tensor* q = NULL;
  CHECK_OK(oft_adapter_rotation(adapter, TEXT("fc1"), 4, &rotation, &failure));
  CHECK_OK(oft_rotation_q(rotation, &q, &failure));
  for (int i = 0; i < 2; ++i) CHECK(fabs(elements(q, 2)[i] - q_a[i]) < 1e-9);
  oft_tensor_destroy(q);
  oft_rotation_destroy(rotation);
  oft_adapter_destroy(adapter);
  struct text text;
  take_text(&text, report);
  CHECK_CONTAINS(text.data, "\"name\":\"fc1\"");
  CHECK_CONTAINS(text.data, "\"changed\":[]");
  CHECK_CONTAINS(text.data, "\"held_blocks\":0");
  oft_config_destroy(config);
}

static void extraction_fails_with_a_reason(void) {
  char base[kPathSize], tuned[kPathSize];
  write_pair(base, tuned);
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_adapter* adapter = UNTOUCHED;
  oft_text* report = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_CANCELLED,
              oft_extract_adapter(TEXT(base), TEXT(tuned), config, NULL, 0, watch, NULL, &adapter,
                                  &report, &failure),
              "cancelled");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_extract_adapter(TEXT(base), TEXT(base), config, NULL, 0, NULL, NULL, &adapter,
                                  &report, &failure),
              "none of the 1 layers");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_extract_adapter(TEXT(base), TEXT(tuned), NULL, NULL, 0, NULL, NULL, &adapter,
                                  &report, &failure),
              "config is NULL");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_extract_adapter(TEXT(base), TEXT("/no/such"), config, NULL, 0, NULL, NULL,
                                  &adapter, &report, &failure),
              "/no/such");
  CHECK(adapter == UNTOUCHED && report == UNTOUCHED);
  oft_config_destroy(config);
}

static void an_adapter_becomes_differences(void) {
  char base[kPathSize], target[kPathSize], options[2 * kPathSize];
  path_in_folder(base, "base.safetensors");
  path_in_folder(target, "full.safetensors");
  write_base(base);
  oft_adapter* const adapter = new_adapter_a();
  snprintf(options, sizeof options, "{\"to\": \"full\", \"base\": \"%s\", \"sync\": false}", base);
  oft_text* report = NULL;
  CHECK_OK(oft_convert_adapter(adapter, TEXT(target), TEXT(options), &report, &failure));
  struct text text;
  take_text(&text, report);
  CHECK_CONTAINS(text.data, "\"to\":\"full\"");
  CHECK_CONTAINS(text.data, "\"exact\":true");
  CHECK_CONTAINS(text.data, "\"formula\":null");
  double change[8];
  read_stored(target, "lycoris_fc1.diff", change, 8);
  for (int i = 0; i < 8; ++i) change[i] += weight_a[i];
  CHECK_CLOSE(change, merged_a, 8);
  oft_adapter_destroy(adapter);
}

static void conversions_that_cannot_be_are_refused(void) {
  char target[kPathSize];
  path_in_folder(target, "out.safetensors");
  oft_adapter* const adapter = new_adapter_a();
  oft_text* report = UNTOUCHED;
  CHECK_FAILS(
      OFT_STATUS_UNSUPPORTED,
      oft_convert_adapter(adapter, TEXT(target), TEXT("{\"to\": \"lycoris\"}"), &report, &failure),
      "'fc1'", "outputs");
  CHECK_FAILS(
      OFT_STATUS_INVALID_ARGUMENT,
      oft_convert_adapter(adapter, TEXT(target), TEXT("{\"to\": \"lora\"}"), &report, &failure),
      "base");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_convert_adapter(adapter, TEXT(target), NULL, 0, &report, &failure), "to is null");
  CHECK_FAILS(
      OFT_STATUS_INVALID_ARGUMENT,
      oft_convert_adapter(NULL, TEXT(target), TEXT("{\"to\": \"peft\"}"), &report, &failure),
      "adapter is NULL");
  CHECK(report == UNTOUCHED);
  oft_adapter_destroy(adapter);
}

static const struct test_case cases[] = {
    TEST_CASE(a_power_scales_the_angles),
    TEST_CASE(blending_adds_angles),
    TEST_CASE(blends_that_cannot_be_are_refused),
    TEST_CASE(what_was_merged_is_extracted),
    TEST_CASE(extraction_fails_with_a_reason),
    TEST_CASE(an_adapter_becomes_differences),
    TEST_CASE(conversions_that_cannot_be_are_refused),
};
TEST_SUITE(algebra);
