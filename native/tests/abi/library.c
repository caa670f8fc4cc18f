#include "fixtures.h"
#include "test.h"

static void version_is_that_of_the_header(void) { CHECK(oft_abi_version() == OFT_ABI_VERSION); }

static void each_status_has_its_name(void) {
  static const struct {
    oft_status status;
    const char* name;
  } statuses[] = {
      {OFT_STATUS_OK, "OK"},
      {OFT_STATUS_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
      {OFT_STATUS_INVALID_STATE, "INVALID_STATE"},
      {OFT_STATUS_NOT_FOUND, "NOT_FOUND"},
      {OFT_STATUS_IO, "IO"},
      {OFT_STATUS_PARSE, "PARSE"},
      {OFT_STATUS_UNSUPPORTED, "UNSUPPORTED"},
      {OFT_STATUS_OUT_OF_MEMORY, "OUT_OF_MEMORY"},
      {OFT_STATUS_DEVICE, "DEVICE"},
      {OFT_STATUS_INTERNAL, "INTERNAL"},
      {OFT_STATUS_CANCELLED, "CANCELLED"},
  };
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; ++i) {
    CHECK(statuses[i].status == -(oft_status)i);
    CHECK(strcmp(oft_status_name(statuses[i].status), statuses[i].name) == 0);
  }
}

static void other_numbers_have_no_name(void) {
  CHECK(strcmp(oft_status_name(1), "UNKNOWN") == 0);
  CHECK(strcmp(oft_status_name(OFT_STATUS_CANCELLED - 1), "UNKNOWN") == 0);
  CHECK(strcmp(oft_status_name(INT32_MIN), "UNKNOWN") == 0);
}

static void build_info_tells_versions_and_instruction_sets(void) {
  struct text info;
  READ_TEXT(info, oft_build_info(buffer, capacity, &size, &failure));
  CHECK_CONTAINS(info.data, "\"oft\":\"");
  CHECK_CONTAINS(info.data, "\"torch\":\"");
  CHECK_CONTAINS(info.data, "\"cuda\":");
  CHECK_CONTAINS(info.data, "\"compiler\":\"");
  CHECK_CONTAINS(info.data, "\"isa\":\"");
  CHECK_CONTAINS(info.data, "\"isa_available\":[\"scalar\"");
}

static void build_info_refuses_null(void) {
  size_t size = 17;
  CHECK_REFUSES_NULL(oft_build_info(NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_build_info(NULL, 1, &size, &failure), "buffer");
  CHECK(size == 17);
}

static void live_handles_counts_every_type(void) {
  const int64_t none = live_handles();
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  CHECK(live_handles() == none + 1);
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  CHECK(live_handles() == none + 2);
  oft_rotation* rotation = NULL;
  CHECK_OK(oft_rotation_create(q, 4, config, NULL, &rotation, &failure));
  CHECK(live_handles() == none + 3);
  oft_adapter* adapter = NULL;
  CHECK_OK(oft_adapter_create(config, &adapter, &failure));
  CHECK(live_handles() == none + 4);
  oft_checkpoint_merge* merge = NULL;
  CHECK_OK(oft_checkpoint_merge_create(TEXT("base"), &merge, &failure));
  CHECK(live_handles() == none + 5);
  char path[kPathSize];
  path_in_folder(path, "base.safetensors");
  write_base(path);
  oft_text* report = NULL;
  CHECK_OK(oft_describe_path(TEXT(path), &report, &failure));
  CHECK(live_handles() == none + 6);
  oft_error* error = NULL;
  CHECK(oft_tensor_dtype(NULL, NULL, &error) == OFT_STATUS_INVALID_ARGUMENT);
  CHECK(live_handles() == none + 7);

  oft_error_destroy(error);
  oft_text_destroy(report);
  oft_checkpoint_merge_destroy(merge);
  oft_adapter_destroy(adapter);
  oft_rotation_destroy(rotation);
  oft_tensor_destroy(q);
  oft_config_destroy(config);
  CHECK(live_handles() == none);
}

static void live_handles_refuses_null(void) {
  CHECK_REFUSES_NULL(oft_live_handles(NULL, &failure), "out_count");
}

static const struct test_case cases[] = {
    TEST_CASE(version_is_that_of_the_header),
    TEST_CASE(each_status_has_its_name),
    TEST_CASE(other_numbers_have_no_name),
    TEST_CASE(build_info_tells_versions_and_instruction_sets),
    TEST_CASE(build_info_refuses_null),
    TEST_CASE(live_handles_counts_every_type),
    TEST_CASE(live_handles_refuses_null),
};
TEST_SUITE(library);
