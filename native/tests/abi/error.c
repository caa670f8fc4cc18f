#include "fixtures.h"
#include "test.h"

/** An error whose message says "dtype 99 stands for nothing". */
static oft_error* new_error(void) {
  oft_error* error = NULL;
  oft_tensor* tensor = UNTOUCHED;
  CHECK(oft_tensor_create(99, NULL, 0, &tensor, &error) == OFT_STATUS_INVALID_ARGUMENT);
  CHECK(error != NULL && tensor == UNTOUCHED);
  return error;
}

static void status_and_message_are_those_of_the_failure(void) {
  oft_error* const error = new_error();
  CHECK(oft_error_status(error) == OFT_STATUS_INVALID_ARGUMENT);
  struct text message;
  READ_TEXT(message, oft_error_message(error, buffer, capacity, &size));
  CHECK_CONTAINS(message.data, "dtype 99");
  oft_error_destroy(error);
}

static void errors_do_not_replace_each_other(void) {
  oft_error* const first = new_error();
  oft_error* second = NULL;
  CHECK(oft_live_handles(NULL, &second) == OFT_STATUS_INVALID_ARGUMENT);
  struct text message;
  READ_TEXT(message, oft_error_message(first, buffer, capacity, &size));
  CHECK_CONTAINS(message.data, "dtype 99");
  READ_TEXT(message, oft_error_message(second, buffer, capacity, &size));
  CHECK_CONTAINS(message.data, "out_count");
  oft_error_destroy(first);
  oft_error_destroy(second);
}

static void success_does_not_write_the_error(void) {
  oft_error* error = UNTOUCHED;
  int64_t count = -1;
  CHECK(oft_live_handles(&count, &error) == OFT_STATUS_OK);
  CHECK(error == UNTOUCHED);
}

static void nobody_needs_to_take_the_error(void) {
  const int64_t before = live_handles();
  oft_config* config = UNTOUCHED;
  CHECK(oft_config_parse(TEXT("{"), OFT_CONFIG_USER, &config, NULL) == OFT_STATUS_PARSE);
  CHECK(oft_live_handles(NULL, NULL) == OFT_STATUS_INVALID_ARGUMENT);
  CHECK(config == UNTOUCHED);
  CHECK(live_handles() == before);
}

static void null_is_no_error(void) {
  CHECK(oft_error_status(NULL) == OFT_STATUS_OK);
  size_t size = 17;
  char byte = 'x';
  CHECK_OK(oft_error_message(NULL, &byte, 1, &size));
  CHECK(size == 0 && byte == 'x');
  CHECK_OK(oft_error_message(NULL, NULL, 0, &size));
}

static void message_refuses_null(void) {
  oft_error* const error = new_error();
  size_t size = 17;
  CHECK(oft_error_message(error, NULL, 0, NULL) == OFT_STATUS_INVALID_ARGUMENT);
  CHECK(oft_error_message(error, NULL, 1, &size) == OFT_STATUS_INVALID_ARGUMENT);
  CHECK(oft_error_message(NULL, NULL, 0, NULL) == OFT_STATUS_INVALID_ARGUMENT);
  CHECK(size == 17);
  oft_error_destroy(error);
}

static void every_destroy_takes_null(void) {
  oft_error_destroy(NULL);
  oft_config_destroy(NULL);
  oft_tensor_destroy(NULL);
  oft_rotation_destroy(NULL);
  oft_adapter_destroy(NULL);
  oft_checkpoint_merge_destroy(NULL);
  oft_text_destroy(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(status_and_message_are_those_of_the_failure),
    TEST_CASE(errors_do_not_replace_each_other),
    TEST_CASE(success_does_not_write_the_error),
    TEST_CASE(nobody_needs_to_take_the_error),
    TEST_CASE(null_is_no_error),
    TEST_CASE(message_refuses_null),
    TEST_CASE(every_destroy_takes_null),
};
TEST_SUITE(error);
