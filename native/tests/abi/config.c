#include "fixtures.h"
#include "test.h"

static void read_json(struct text* json, const oft_config* config) {
  READ_TEXT(*json, oft_config_to_json(config, buffer, capacity, &size, &failure));
}

static void a_user_gets_the_defaults_of_oft(void) {
  static const char* const lines[] = {
      "\"auto_mapping\": null",
      "\"base_model_name_or_path\": null",
      "\"bias\": \"none\"",
      "\"block_share\": false",
      "\"coft\": false",
      "\"eps\": 6e-05",
      "\"exclude_modules\": null",
      "\"fan_in_fan_out\": false",
      "\"inference_mode\": false",
      "\"init_weights\": true",
      "\"layers_pattern\": null",
      "\"layers_to_transform\": null",
      "\"module_dropout\": 0.0",
      "\"modules_to_save\": null",
      "\"num_cayley_neumann_terms\": 5",
      "\"oft_block_size\": 0",
      "\"peft_type\": \"OFT\"",
      "\"peft_version\": \"0.21.0\"",
      "\"r\": 8",
      "\"revision\": null",
      "\"target_modules\": null",
      "\"task_type\": null",
      "\"use_cayley_neumann\": false",
  };
  oft_config* const config = new_config("{}");
  struct text json;
  read_json(&json, config);
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; ++i) CHECK_CONTAINS(json.data, lines[i]);
  struct text warnings;
  READ_TEXT(warnings, oft_config_warnings(config, buffer, capacity, &size, &failure));
  CHECK(strcmp(warnings.data, "[]") == 0);
  oft_config_destroy(config);
}

static void an_adapter_file_gets_the_defaults_of_peft(void) {
  oft_config* config = NULL;
  CHECK_OK(oft_config_parse(TEXT("{\"oft_block_size\": 32, \"peft_version\": \"0.21.0\"}"),
                            OFT_CONFIG_ADAPTER_FILE, &config, &failure));
  struct text text;
  read_json(&text, config);
  CHECK_CONTAINS(text.data, "\"r\": 0");
  CHECK_CONTAINS(text.data, "\"use_cayley_neumann\": true");
  READ_TEXT(text, oft_config_warnings(config, buffer, capacity, &size, &failure));
  CHECK_CONTAINS(text.data, "use_cayley_neumann is missing");
  oft_config_destroy(config);
}

static void text_ends_where_its_length_says(void) {
  const char* const json = "{\"r\": 4}, and more that is no JSON";
  oft_config* config = NULL;
  CHECK_OK(oft_config_parse(json, 8, OFT_CONFIG_USER, &config, &failure));
  struct text text;
  read_json(&text, config);
  CHECK_CONTAINS(text.data, "\"r\": 4");
  oft_config_destroy(config);
}

static void what_is_written_reads_back(void) {
  oft_config* const config = new_config(
      "{\"oft_block_size\": 4, \"target_modules\": [\"q\", \"Übung\"], \"coft\": true, \"eps\": "
      "0.5,"
      " \"rank_pattern\": {\"q\": 2}, \"x_custom\": [1, {\"y\": null}]}");
  struct text first;
  read_json(&first, config);
  oft_config* again = NULL;
  CHECK_OK(oft_config_parse(first.data, first.size, OFT_CONFIG_ADAPTER_FILE, &again, &failure));
  struct text second;
  read_json(&second, again);
  CHECK(strcmp(first.data, second.data) == 0);
  oft_config_destroy(again);
  oft_config_destroy(config);
}

static void malformed_json_is_a_parse_error(void) {
  oft_config* config = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_config_parse(TEXT("{\"r\": }"), OFT_CONFIG_USER, &config, &failure), "OFTConfig",
              "column 7");
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_config_parse(TEXT("{\"r\": 1, \"r\": 2}"), OFT_CONFIG_USER, &config, &failure),
              "\"r\"", "twice");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_config_parse(TEXT("[]"), OFT_CONFIG_USER, &config, &failure),
              "object");
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_config_parse(TEXT("{\"bias\": \"\xff\"}"), OFT_CONFIG_USER, &config, &failure),
              "UTF-8");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_config_parse(NULL, 0, OFT_CONFIG_USER, &config, &failure),
              "OFTConfig");
  CHECK(config == UNTOUCHED);
}

static void bad_fields_are_named_with_value_and_remedy(void) {
  oft_config* config = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_config_parse(TEXT("{\"r\": -3}"), OFT_CONFIG_USER, &config, &failure), "r is -3",
              "give 1 or more");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_config_parse(TEXT("{\"r\": 4, \"oft_block_size\": 16}"), OFT_CONFIG_USER, &config,
                               &failure),
              "r is 4", "oft_block_size is 16", "set one to 0");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_config_parse(TEXT("{\"bias\": \"some\"}"), OFT_CONFIG_USER, &config, &failure),
              "bias is \"some\"", "\"oft_only\"");
  CHECK(config == UNTOUCHED);
}

static void other_adapters_are_unsupported(void) {
  oft_config* config = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED,
              oft_config_parse(TEXT("{\"r\": 8}"), OFT_CONFIG_ADAPTER_FILE, &config, &failure),
              "oft_block_size is missing", "PEFT 0.13");
  CHECK_FAILS(
      OFT_STATUS_UNSUPPORTED,
      oft_config_parse(TEXT("{\"peft_type\": \"LORA\"}"), OFT_CONFIG_USER, &config, &failure),
      "\"LORA\"", "\"OFT\"");
  CHECK(config == UNTOUCHED);
}

static void unknown_sources_are_refused(void) {
  oft_config* config = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_config_parse(TEXT("{}"), 2, &config, &failure),
              "source 2");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_config_parse(TEXT("{}"), -1, &config, &failure),
              "source -1");
  CHECK(config == UNTOUCHED);
}

static const char* const kModel =
    "{\"layers\": [{\"name\": \"enc.0.q_proj\", \"kind\": \"Linear\"},"
    "{\"name\": \"enc.0.norm\", \"kind\": \"Other\", \"class_name\": \"LayerNorm\"},"
    "{\"name\": \"enc.1.q_proj\", \"kind\": \"Linear\"},"
    "{\"name\": \"head\", \"kind\": \"Linear\"}],"
    "\"model_type\": \"bert\", \"output_embedding\": \"head\", \"is_pretrained_model\": true}";

static void match_selects_layers_by_name_pattern_and_kind(void) {
  static const struct {
    const char* config;
    const char* matches;
  } expected[] = {
      {"{\"target_modules\": [\"q_proj\"]}",
       "[{\"name\":\"enc.0.q_proj\"},{\"name\":\"enc.1.q_proj\"}]"},
      {"{\"target_modules\": \"enc\\\\.(?!0).*\"}", "[{\"name\":\"enc.1.q_proj\"}]"},
      {"{\"target_modules\": \"all-linear\"}",
       "[{\"name\":\"enc.0.q_proj\"},{\"name\":\"enc.1.q_proj\"}]"},
      {"{\"target_modules\": [\"head\"], \"rank_pattern\": {\"head\": 2}}",
       "[{\"name\":\"head\",\"rank\":2}]"},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i) {
    oft_config* const config = new_config(expected[i].config);
    struct text matches;
    READ_TEXT(matches, oft_config_match(config, TEXT(kModel), buffer, capacity, &size, &failure));
    CHECK(strcmp(matches.data, expected[i].matches) == 0);
    oft_config_destroy(config);
  }
}

static void match_names_the_nearest_layers(void) {
  oft_config* const config = new_config("{\"target_modules\": [\"q_porj\"]}");
  size_t size = 17;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_config_match(config, TEXT(kModel), NULL, 0, &size, &failure), "q_porj",
              "\"q_proj\"");
  CHECK(size == 17);
  oft_config_destroy(config);
}

static void match_parses_the_model(void) {
  oft_config* const config = new_config("{}");
  size_t size = 17;
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_config_match(config, TEXT("{\"layers\": ["), NULL, 0, &size, &failure),
              "model description");
  CHECK_FAILS(OFT_STATUS_PARSE, oft_config_match(config, TEXT("{}"), NULL, 0, &size, &failure),
              "'layers'");
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_config_match(config, TEXT("{\"layers\": [{\"name\": \"a\", \"kind\": \"Lin\"}]}"),
                               NULL, 0, &size, &failure),
              "'Lin'", "Linear");
  CHECK(size == 17);
  oft_config_destroy(config);
}

static void block_size_divides_the_features(void) {
  static const struct {
    const char* config;
    int64_t features;
    int64_t block_size;
  } expected[] = {
      {"{\"oft_block_size\": 4}", 10, 5},
      {"{\"oft_block_size\": 9}", 12, 6},
      {"{\"oft_block_size\": 50}", 64, 64},
      {"{\"oft_block_size\": 32}", 100, 25},
      {"{\"r\": 4}", 64, 16},
      {"{\"r\": 100}", 8, 1},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i) {
    oft_config* const config = new_config(expected[i].config);
    int64_t block_size = 0;
    CHECK_OK(oft_config_block_size(config, expected[i].features, &block_size, &failure));
    CHECK(block_size == expected[i].block_size);
    oft_config_destroy(config);
  }
}

static void block_size_needs_features(void) {
  oft_config* const config = new_config("{}");
  int64_t block_size = 17;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_config_block_size(config, 0, &block_size, &failure),
              "dimension of 0", "1 or more");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_config_block_size(config, INT64_MIN, &block_size, &failure),
              "-9223372036854775808");
  CHECK(block_size == 17);
  oft_config_destroy(config);
}

static void null_is_refused(void) {
  oft_config* const config = new_config("{}");
  oft_config* out = UNTOUCHED;
  size_t size = 17;
  int64_t block_size = 17;
  CHECK_REFUSES_NULL(oft_config_parse(NULL, 2, OFT_CONFIG_USER, &out, &failure), "json");
  CHECK_REFUSES_NULL(oft_config_parse(TEXT("{}"), OFT_CONFIG_USER, NULL, &failure), "out_config");
  CHECK_REFUSES_NULL(oft_config_to_json(NULL, NULL, 0, &size, &failure), "config");
  CHECK_REFUSES_NULL(oft_config_to_json(config, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_config_to_json(config, NULL, 1, &size, &failure), "buffer");
  CHECK_REFUSES_NULL(oft_config_warnings(NULL, NULL, 0, &size, &failure), "config");
  CHECK_REFUSES_NULL(oft_config_warnings(config, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_config_match(NULL, TEXT(kModel), NULL, 0, &size, &failure), "config");
  CHECK_REFUSES_NULL(oft_config_match(config, NULL, 1, NULL, 0, &size, &failure), "model");
  CHECK_REFUSES_NULL(oft_config_block_size(NULL, 8, &block_size, &failure), "config");
  CHECK_REFUSES_NULL(oft_config_block_size(config, 8, NULL, &failure), "out_block_size");
  CHECK(out == UNTOUCHED && size == 17 && block_size == 17);
  oft_config_destroy(config);
}

static const struct test_case cases[] = {
    TEST_CASE(a_user_gets_the_defaults_of_oft),
    TEST_CASE(an_adapter_file_gets_the_defaults_of_peft),
    TEST_CASE(text_ends_where_its_length_says),
    TEST_CASE(what_is_written_reads_back),
    TEST_CASE(malformed_json_is_a_parse_error),
    TEST_CASE(bad_fields_are_named_with_value_and_remedy),
    TEST_CASE(other_adapters_are_unsupported),
    TEST_CASE(unknown_sources_are_refused),
    TEST_CASE(match_selects_layers_by_name_pattern_and_kind),
    TEST_CASE(match_names_the_nearest_layers),
    TEST_CASE(match_parses_the_model),
    TEST_CASE(block_size_divides_the_features),
    TEST_CASE(block_size_needs_features),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(config);
