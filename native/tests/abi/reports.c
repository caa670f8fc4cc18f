#include <math.h>

#include "fixtures.h"
#include "test.h"

static void describe(struct text* text, const char* path) {
  oft_text* report = NULL;
  CHECK_OK(oft_describe_path(TEXT(path), &report, &failure));
  take_text(text, report);
}

static void check_describe_fails(oft_status status, const char* path, const char* part) {
  oft_text* report = UNTOUCHED;
  CHECK_FAILS(status, oft_describe_path(TEXT(path), &report, &failure), path, part);
  CHECK(report == UNTOUCHED);
}

/** Writes a base and an adapter for its layer of that name, or for another. */
static void write_inputs(char base[kPathSize], char adapter[kPathSize], const char* layer) {
  path_in_folder(base, "base.safetensors");
  path_in_folder(adapter, "adapter");
  write_base(base);
  save_adapter_a(adapter, layer);
}

static void text_data_takes_null(void) {
  size_t size = 17;
  CHECK(oft_text_data(NULL, &size) == NULL && size == 0);
  CHECK(oft_text_data(NULL, NULL) == NULL);
}

static void text_data_is_the_same_each_time(void) {
  char path[kPathSize];
  path_in_folder(path, "base.safetensors");
  write_base(path);
  oft_text* report = NULL;
  CHECK_OK(oft_describe_path(TEXT(path), &report, &failure));
  size_t size = 0;
  const char* const data = oft_text_data(report, &size);
  CHECK(data[0] == '{' && data[size - 1] == '}');
  CHECK(oft_text_data(report, NULL) == data);
  oft_text_destroy(report);
}

static void check_measures_the_layers_that_match(void) {
  char base[kPathSize], adapter[kPathSize];
  write_inputs(base, adapter, "fc1");
  oft_text* report = NULL;
  CHECK_OK(oft_check_adapter(TEXT(base), TEXT(adapter), 1e-3, &report, &failure));
  struct text text;
  take_text(&text, report);
  CHECK_CONTAINS(text.data, "\"name\":\"fc1\"");
  CHECK_CONTAINS(text.data, "\"kind\":\"Linear\"");
  CHECK_CONTAINS(text.data, "\"blocks\":2");
  CHECK_CONTAINS(text.data, "\"block_angles\":[0.58291358895573");
  CHECK_CONTAINS(text.data, "\"orthogonality_error\":");
  CHECK_CONTAINS(text.data, "\"energy_before\":");
  CHECK_CONTAINS(text.data, "\"missing\":[]");
  CHECK_CONTAINS(text.data, "\"unused\":[]");
  CHECK_CONTAINS(text.data, "\"replaced\":[]");
  CHECK_CONTAINS(text.data, "\"problems\":[]");
  CHECK_CONTAINS(text.data, "\"warnings\":[]");
}

static void what_fails_the_check_is_in_the_report(void) {
  char base[kPathSize], adapter[kPathSize];
  write_inputs(base, adapter, "fc7");
  oft_text* report = NULL;
  struct text text;
  CHECK_OK(oft_check_adapter(TEXT(base), TEXT(adapter), 1e-3, &report, &failure));
  take_text(&text, report);
  CHECK_CONTAINS(text.data, "\"missing\":[\"fc7\"]");
  CHECK_CONTAINS(text.data, "nearest to the first: 'fc1'");

  save_adapter(adapter, NEUMANN_BLOCKS_OF_2, "fc1", q_a, 2, 1);
  CHECK_OK(oft_check_adapter(TEXT(base), TEXT(adapter), 1e-3, &report, &failure));
  take_text(&text, report);
  CHECK_CONTAINS(text.data, "layer 'fc1': ||R^T R - I|| is 0.0228");
  CHECK_CONTAINS(text.data, "more than 0.001");
}

static void check_refuses_bad_inputs(void) {
  char base[kPathSize], adapter[kPathSize], path[kPathSize];
  write_inputs(base, adapter, "fc1");
  oft_text* report = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_check_adapter(TEXT("/nowhere"), TEXT(adapter), 1, &report, &failure), "/nowhere");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_check_adapter(TEXT(base), TEXT("/nowhere"), 1, &report, &failure), "/nowhere");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_check_adapter(TEXT(base), TEXT(adapter), -0.5, &report, &failure),
              "max_orthogonality_error", "-0.5", "0 or more");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_check_adapter(TEXT(base), TEXT(adapter), NAN, &report, &failure),
              "max_orthogonality_error");

  path_in_folder(path, "adapter/adapter_config.json");
  write_file(path, "{\"peft_type\": \"LORA\"}", 21);
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED,
              oft_check_adapter(TEXT(base), TEXT(adapter), 1, &report, &failure), path, "LORA");
  write_file(path, "{", 1);
  CHECK_FAILS(OFT_STATUS_PARSE, oft_check_adapter(TEXT(base), TEXT(adapter), 1, &report, &failure),
              path, "column 2");
  save_adapter_a(adapter, "fc1");
  write_file(base, "0123456789", 10);
  CHECK_FAILS(OFT_STATUS_PARSE, oft_check_adapter(TEXT(base), TEXT(adapter), 1, &report, &failure),
              base, "header");
  path_in_folder(path, "folder");
  make_folder(path);
  path_in_folder(base, "folder/model.safetensors");
  make_folder(base);
  CHECK_FAILS(OFT_STATUS_IO, oft_check_adapter(TEXT(path), TEXT(adapter), 1, &report, &failure),
              base, "directory");
  CHECK(report == UNTOUCHED);
}

static void check_refuses_null(void) {
  oft_text* report = UNTOUCHED;
  CHECK_REFUSES_NULL(oft_check_adapter(NULL, 1, TEXT("a"), 1, &report, &failure), "base");
  CHECK_REFUSES_NULL(oft_check_adapter(TEXT("b"), NULL, 1, 1, &report, &failure), "adapter");
  CHECK(report == UNTOUCHED);
  char base[kPathSize], adapter[kPathSize];
  write_inputs(base, adapter, "fc1");
  CHECK_REFUSES_NULL(oft_check_adapter(TEXT(base), TEXT(adapter), 1, NULL, &failure), "out_report");
}

static void describe_tells_checkpoints(void) {
  char path[kPathSize];
  struct text text;
  path_in_folder(path, "folder");
  make_folder(path);
  path_in_folder(path, "folder/model.safetensors");
  write_base(path);
  for (int i = 0; i < 2; ++i) {
    if (i == 1) path_in_folder(path, "folder");
    describe(&text, path);
    CHECK_CONTAINS(text.data, "\"type\":\"checkpoint\"");
    CHECK_CONTAINS(text.data, "\"files\":[\"model.safetensors\"]");
    CHECK_CONTAINS(text.data, "\"tensors\":2");
    CHECK_CONTAINS(text.data, "\"parameters\":10");
    CHECK_CONTAINS(text.data, "\"bytes\":80");
    CHECK_CONTAINS(text.data, "{\"name\":\"fc1.weight\",\"dtype\":\"F64\",\"shape\":[2,4]}");
  }
}

static void describe_tells_adapters(void) {
  char path[kPathSize];
  struct text text;
  path_in_folder(path, "adapter");
  save_adapter_a(path, "fc1");
  describe(&text, path);
  CHECK_CONTAINS(text.data, "\"type\":\"adapter\"");
  CHECK_CONTAINS(text.data, "\"maker\":\"PEFT 0.21.0\"");
  CHECK_CONTAINS(text.data, "\"name\":\"fc1\"");
}

static void describe_tells_pipelines(void) {
  char path[kPathSize];
  struct text text;
  path_in_folder(path, "pipe");
  make_folder(path);
  path_in_folder(path, "pipe/unet");
  make_folder(path);
  path_in_folder(path, "pipe/unet/diffusion_pytorch_model.safetensors");
  write_base(path);
  path_in_folder(path, "pipe/model_index.json");
  write_file(path, "{}", 2);
  path_in_folder(path, "pipe");
  describe(&text, path);
  CHECK_CONTAINS(text.data, "\"type\":\"pipeline\"");
  CHECK_CONTAINS(text.data, "\"name\":\"unet\"");
  CHECK_CONTAINS(text.data, "\"parameters\":10");
}

static void describe_refuses_bad_paths(void) {
  char path[kPathSize];
  check_describe_fails(OFT_STATUS_NOT_FOUND, "/nowhere", "no such file");
  path_in_folder(path, "notes.txt");
  write_file(path, "0123456789", 10);
  check_describe_fails(OFT_STATUS_PARSE, path, "header");
  path_in_folder(path, "archive.pt");
  write_file(path, "PK0123456789", 12);
  check_describe_fails(OFT_STATUS_UNSUPPORTED, path, "TorchScript");
  path_in_folder(path, "adapter");
  save_adapter_a(path, "fc1");
  path_in_folder(path, "adapter/adapter_config.json");
  write_file(path, "{\"peft_type\": \"LORA\"}", 21);
  check_describe_fails(OFT_STATUS_UNSUPPORTED, path, "LORA");
  path_in_folder(path, "folder");
  make_folder(path);
  check_describe_fails(OFT_STATUS_NOT_FOUND, path, "no weights");
  path_in_folder(path, "folder/model.safetensors");
  make_folder(path);
  path_in_folder(path, "folder");
  check_describe_fails(OFT_STATUS_IO, path, "directory");
}

static void describe_refuses_null(void) {
  oft_text* report = UNTOUCHED;
  CHECK_REFUSES_NULL(oft_describe_path(NULL, 1, &report, &failure), "path");
  CHECK(report == UNTOUCHED);
  char path[kPathSize];
  path_in_folder(path, "base.safetensors");
  write_base(path);
  CHECK_REFUSES_NULL(oft_describe_path(TEXT(path), NULL, &failure), "out_report");
}

static const struct test_case cases[] = {
    TEST_CASE(text_data_takes_null),
    TEST_CASE(text_data_is_the_same_each_time),
    TEST_CASE(check_measures_the_layers_that_match),
    TEST_CASE(what_fails_the_check_is_in_the_report),
    TEST_CASE(check_refuses_bad_inputs),
    TEST_CASE(check_refuses_null),
    TEST_CASE(describe_tells_checkpoints),
    TEST_CASE(describe_tells_adapters),
    TEST_CASE(describe_tells_pipelines),
    TEST_CASE(describe_refuses_bad_paths),
    TEST_CASE(describe_refuses_null),
};
TEST_SUITE(reports);
