#include <stdio.h>

#include "fixtures.h"
#include "test.h"

static oft_adapter* load(const char* path) {
  oft_adapter* adapter = NULL;
  CHECK_OK(oft_adapter_load(TEXT(path), &adapter, &failure));
  return adapter;
}

static oft_adapter* new_adapter(void) {
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_adapter* adapter = NULL;
  CHECK_OK(oft_adapter_create(config, &adapter, &failure));
  oft_config_destroy(config);
  return adapter;
}

static void read_json(struct text* json, const oft_adapter* adapter) {
  READ_TEXT(*json, oft_adapter_to_json(adapter, buffer, capacity, &size, &failure));
}

static void what_is_saved_loads_again(void) {
  char folder[kPathSize];
  path_in_folder(folder,
                 "deep/Gr\xc3\xbc\xc3\x9f"
                 "e \xe6\x97\x8b");
  save_adapter_a(folder, "fc1");
  oft_adapter* const adapter = load(folder);
  struct text json;
  read_json(&json, adapter);
  CHECK_CONTAINS(json.data, "\"maker\":\"PEFT 0.21.0\"");
  CHECK_CONTAINS(json.data,
                 "\"layers\":[{\"name\":\"fc1\",\"is_embedding\":false,\"side\":\"input\","
                 "\"component\":\"\",\"factors\":1,\"rows\":2,\"block_size\":2,"
                 "\"dtype\":\"float64\"}]");
  CHECK_CONTAINS(json.data, "\"replacements\":[]");
  CHECK_CONTAINS(json.data, "\"unused_keys\":[]");
  CHECK_CONTAINS(json.data, "\"warnings\":[]");

  oft_config* config = NULL;
  CHECK_OK(oft_adapter_config(adapter, &config, &failure));
  READ_TEXT(json, oft_config_to_json(config, buffer, capacity, &size, &failure));
  CHECK_CONTAINS(json.data, "\"inference_mode\": true");
  CHECK_CONTAINS(json.data, "\"oft_block_size\": 2");
  CHECK_CONTAINS(json.data, "\"use_cayley_neumann\": false");
  oft_config_destroy(config);
  oft_adapter_destroy(adapter);
}

static void a_layer_gives_its_rotation(void) {
  char folder[kPathSize];
  path_in_folder(folder, "adapter");
  save_adapter_a(folder, "fc1");
  oft_adapter* const adapter = load(folder);
  oft_rotation* rotation = NULL;
  CHECK_OK(oft_adapter_rotation(adapter, TEXT("fc1"), 4, &rotation, &failure));
  oft_adapter_destroy(adapter);
  oft_tensor* q = NULL;
  CHECK_OK(oft_rotation_q(rotation, &q, &failure));
  CHECK_ELEMENTS(q, q_a, 2);
  oft_rotation_destroy(rotation);
}

static void put_shares_memory_and_replaces(void) {
  oft_adapter* const adapter = new_adapter();
  double memory[2] = {1, 2};
  oft_tensor* first = new_tensor(q_a, SIZES(2, 1));
  oft_tensor* second = NULL;
  CHECK_OK(oft_tensor_from_blob(memory, sizeof memory, OFT_DTYPE_FLOAT64, SIZES(2, 1), &second,
                                &failure));
  CHECK_OK(oft_adapter_put(adapter, TEXT("fc1"), 0, first, &failure));
  CHECK_OK(oft_adapter_put(adapter, TEXT("fc1"), 0, second, &failure));
  oft_tensor_destroy(first);
  oft_tensor_destroy(second);

  oft_rotation* rotation = NULL;
  oft_tensor* q = NULL;
  CHECK_OK(oft_adapter_rotation(adapter, TEXT("fc1"), 4, &rotation, &failure));
  CHECK_OK(oft_rotation_q(rotation, &q, &failure));
  CHECK(elements(q, 2) == memory);
  oft_tensor_destroy(q);
  oft_rotation_destroy(rotation);
  oft_adapter_destroy(adapter);
}

static void an_embedding_has_a_key_of_its_own(void) {
  oft_adapter* const adapter = new_adapter();
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  CHECK_OK(oft_adapter_put(adapter, TEXT("words"), 1, q, &failure));
  CHECK_OK(oft_adapter_put(adapter, TEXT("fc1"), 0, q, &failure));
  struct text json;
  read_json(&json, adapter);
  CHECK_CONTAINS(json.data, "{\"name\":\"fc1\",\"is_embedding\":false");
  CHECK_CONTAINS(json.data, "{\"name\":\"words\",\"is_embedding\":true");

  char path[kPathSize];
  path_in_folder(path, "adapter");
  CHECK_OK(oft_adapter_save(adapter, TEXT(path), &failure));
  path_in_folder(path, "adapter/adapter_model.safetensors");
  double stored[2];
  read_stored(path, "base_model.model.fc1.oft_R.weight", stored, 2);
  CHECK_CLOSE(stored, q_a, 2);
  read_stored(path, "base_model.model.words.oft_embedding_R.weight", stored, 2);
  CHECK_CLOSE(stored, q_a, 2);
  oft_tensor_destroy(q);
  oft_adapter_destroy(adapter);
}

static void put_refuses_what_is_no_parameter(void) {
  oft_adapter* const adapter = new_adapter();
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  oft_tensor* const flat = new_tensor(q_a, SIZES(2));
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_adapter_put(adapter, NULL, 0, 0, q, &failure),
              "name", "empty");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_adapter_put(adapter, TEXT("fc1"), 0, flat, &failure),
              "'fc1'", "[2]", "[blocks, b(b-1)/2]");
  struct text json;
  read_json(&json, adapter);
  CHECK_CONTAINS(json.data, "\"layers\":[]");
  oft_tensor_destroy(flat);
  oft_tensor_destroy(q);
  oft_adapter_destroy(adapter);
}

static void rotation_names_the_nearest_layers(void) {
  oft_adapter* const adapter = new_adapter();
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  CHECK_OK(oft_adapter_put(adapter, TEXT("encoder.fc1"), 0, q, &failure));
  oft_rotation* rotation = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_NOT_FOUND,
              oft_adapter_rotation(adapter, TEXT("encoder.fc2"), 4, &rotation, &failure),
              "'encoder.fc2'", "nearest: 'encoder.fc1'");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_adapter_rotation(adapter, TEXT("encoder.fc1"), 6, &rotation, &failure),
              "'encoder.fc1'", "2 blocks of 2", "6 features");
  CHECK(rotation == UNTOUCHED);
  oft_tensor_destroy(q);
  oft_adapter_destroy(adapter);
}

static void rotation_compares_blocks_with_the_config(void) {
  static const double zeros[3] = {0};
  oft_adapter* const adapter = new_adapter();
  oft_tensor* const q = new_tensor(zeros, SIZES(1, 3));
  CHECK_OK(oft_adapter_put(adapter, TEXT("fc1"), 0, q, &failure));
  oft_rotation* rotation = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_adapter_rotation(adapter, TEXT("fc1"), 3, &rotation, &failure), "'fc1'",
              "blocks of 3", "oft_block_size 2");
  CHECK(rotation == UNTOUCHED);
  oft_tensor_destroy(q);
  oft_adapter_destroy(adapter);
}

/** Fails to load a folder after one of its two files has been replaced. */
static void check_load_fails(const char* file, const char* content, oft_status status,
                             const char* part) {
  char folder[kPathSize];
  char path[kPathSize];
  path_in_folder(folder, "adapter");
  save_adapter_a(folder, "fc1");
  path_in_folder(path, file);
  write_file(path, content, strlen(content));
  oft_adapter* adapter = UNTOUCHED;
  CHECK_FAILS(status, oft_adapter_load(TEXT(folder), &adapter, &failure), path, part);
  CHECK(adapter == UNTOUCHED);
}

static void malformed_files_are_parse_errors(void) {
  check_load_fails("adapter/adapter_config.json", "{\"r\": 1,}", OFT_STATUS_PARSE, "column 9");
  check_load_fails("adapter/adapter_config.json", "17", OFT_STATUS_PARSE, "object");
  check_load_fails("adapter/adapter_model.safetensors", "no header", OFT_STATUS_PARSE, "bytes");
  check_load_fails("adapter/adapter_model.safetensors", "", OFT_STATUS_PARSE, "bytes");
}

static void other_adapters_are_unsupported(void) {
  check_load_fails("adapter/adapter_config.json", "{\"peft_type\": \"LORA\", \"r\": 8}",
                   OFT_STATUS_UNSUPPORTED, "LORA");
  check_load_fails("adapter/adapter_config.json", "{\"peft_type\": \"OFT\", \"r\": 8}",
                   OFT_STATUS_UNSUPPORTED, "PEFT 0.13");
}

static void missing_files_are_not_found(void) {
  char folder[kPathSize];
  oft_adapter* adapter = UNTOUCHED;
  path_in_folder(folder, "nowhere");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_adapter_load(TEXT(folder), &adapter, &failure), folder);
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_adapter_load(NULL, 0, &adapter, &failure), "no such file");
  path_in_folder(folder, "empty");
  make_folder(folder);
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_adapter_load(TEXT(folder), &adapter, &failure), folder,
              "adapter_model.safetensors");
  char file[kPathSize];
  path_in_folder(file, "empty/adapter_model.safetensors");
  write_base(file);
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_adapter_load(TEXT(folder), &adapter, &failure),
              folder, "holds no rotation");
  save_adapter_a(folder, "fc1");
  path_in_folder(file, "empty/adapter_config.json");
  CHECK(remove(file) == 0);
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_adapter_load(TEXT(folder), &adapter, &failure), folder,
              "adapter_config.json");
  CHECK(adapter == UNTOUCHED);
}

static void unreadable_files_are_io_errors(void) {
  char folder[kPathSize];
  char path[kPathSize];
  path_in_folder(folder, "adapter");
  path_in_folder(path, "adapter/adapter_config.json");
  make_folder(folder);
  make_folder(path);
  path_in_folder(path, "adapter/adapter_model.safetensors");
  write_base(path);
  oft_adapter* adapter = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_IO, oft_adapter_load(TEXT(folder), &adapter, &failure),
              "adapter_config.json", "directory");

  char name[400];
  memset(name, 'x', sizeof name);
  CHECK_FAILS(OFT_STATUS_IO, oft_adapter_load(name, sizeof name, &adapter, &failure), "xxx",
              "too long");
  CHECK(adapter == UNTOUCHED);
}

static void a_path_ends_where_its_length_says(void) {
  char folder[kPathSize];
  path_in_folder(folder, "adapter");
  save_adapter_a(folder, "fc1");
  oft_adapter* adapter = NULL;
  const size_t length = strlen(folder);
  memcpy(folder + length, "-more", 6);
  CHECK_OK(oft_adapter_load(folder, length, &adapter, &failure));
  oft_adapter_destroy(adapter);
}

static void a_path_with_a_zero_byte_is_refused(void) {
  char folder[kPathSize];
  path_in_folder(folder, "adapter");
  save_adapter_a(folder, "fc1");
  oft_adapter* adapter = UNTOUCHED;
  const size_t length = strlen(folder);
  memcpy(folder + length, "\0-more", 7);
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_adapter_load(folder, length + 6, &adapter, &failure),
              "path");
  CHECK(adapter == UNTOUCHED);
}

static void save_below_a_file_is_an_io_error(void) {
  char path[kPathSize];
  path_in_folder(path, "file");
  write_file(path, "", 0);
  path_in_folder(path, "file/adapter");
  oft_adapter* const adapter = new_adapter();
  CHECK_FAILS(OFT_STATUS_IO, oft_adapter_save(adapter, TEXT(path), &failure), path,
              "cannot be created");
  oft_adapter_destroy(adapter);
}

static void save_does_not_lose_a_row_scale(void) {
  char path[kPathSize];
  oft_adapter* const adapter = load(OFT_TEST_DATA_DIR "/adapters/peft-0.14");
  path_in_folder(path, "adapter");
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED, oft_adapter_save(adapter, TEXT(path), &failure), "'oft_s'",
              "merge the adapter");
  oft_adapter_destroy(adapter);
}

static void null_is_refused(void) {
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_adapter* const adapter = new_adapter();
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  oft_adapter* out = UNTOUCHED;
  oft_config* out_config = UNTOUCHED;
  oft_rotation* rotation = UNTOUCHED;
  size_t size = 17;
  CHECK_REFUSES_NULL(oft_adapter_load(NULL, 1, &out, &failure), "path");
  CHECK_REFUSES_NULL(oft_adapter_load(TEXT(OFT_TEST_DATA_DIR "/adapters/exact"), NULL, &failure),
                     "out_adapter");
  CHECK_REFUSES_NULL(oft_adapter_create(NULL, &out, &failure), "config");
  CHECK_REFUSES_NULL(oft_adapter_create(config, NULL, &failure), "out_adapter");
  CHECK_REFUSES_NULL(oft_adapter_put(NULL, TEXT("fc1"), 0, q, &failure), "adapter");
  CHECK_REFUSES_NULL(oft_adapter_put(adapter, NULL, 3, 0, q, &failure), "layer");
  CHECK_REFUSES_NULL(oft_adapter_put(adapter, TEXT("fc1"), 0, NULL, &failure), "q");
  CHECK_REFUSES_NULL(oft_adapter_save(NULL, TEXT("x"), &failure), "adapter");
  CHECK_REFUSES_NULL(oft_adapter_save(adapter, NULL, 1, &failure), "path");
  CHECK_REFUSES_NULL(oft_adapter_to_json(NULL, NULL, 0, &size, &failure), "adapter");
  CHECK_REFUSES_NULL(oft_adapter_to_json(adapter, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_adapter_config(NULL, &out_config, &failure), "adapter");
  CHECK_REFUSES_NULL(oft_adapter_config(adapter, NULL, &failure), "out_config");
  CHECK_REFUSES_NULL(oft_adapter_rotation(NULL, TEXT("fc1"), 4, &rotation, &failure), "adapter");
  CHECK_REFUSES_NULL(oft_adapter_rotation(adapter, NULL, 3, 4, &rotation, &failure), "layer");
  CHECK_OK(oft_adapter_put(adapter, TEXT("fc1"), 0, q, &failure));
  CHECK_REFUSES_NULL(oft_adapter_rotation(adapter, TEXT("fc1"), 4, NULL, &failure), "out_rotation");
  CHECK(out == UNTOUCHED && out_config == UNTOUCHED && rotation == UNTOUCHED && size == 17);
  oft_tensor_destroy(q);
  oft_adapter_destroy(adapter);
  oft_config_destroy(config);
}

static const struct test_case cases[] = {
    TEST_CASE(what_is_saved_loads_again),
    TEST_CASE(a_layer_gives_its_rotation),
    TEST_CASE(put_shares_memory_and_replaces),
    TEST_CASE(an_embedding_has_a_key_of_its_own),
    TEST_CASE(put_refuses_what_is_no_parameter),
    TEST_CASE(rotation_names_the_nearest_layers),
    TEST_CASE(rotation_compares_blocks_with_the_config),
    TEST_CASE(malformed_files_are_parse_errors),
    TEST_CASE(other_adapters_are_unsupported),
    TEST_CASE(missing_files_are_not_found),
    TEST_CASE(unreadable_files_are_io_errors),
    TEST_CASE(a_path_ends_where_its_length_says),
    TEST_CASE(a_path_with_a_zero_byte_is_refused),
    TEST_CASE(save_below_a_file_is_an_io_error),
    TEST_CASE(save_does_not_lose_a_row_scale),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(adapter);
