#include "fixtures.h"
#include "test.h"

static const struct {
  oft_dtype dtype;
  size_t size;
} kTypes[] = {
    {OFT_DTYPE_FLOAT32, 4}, {OFT_DTYPE_FLOAT64, 8}, {OFT_DTYPE_FLOAT16, 2}, {OFT_DTYPE_BFLOAT16, 2},
    {OFT_DTYPE_INT64, 8},   {OFT_DTYPE_INT32, 4},   {OFT_DTYPE_UINT8, 1},   {OFT_DTYPE_BOOL, 1},
};
enum { kTypeCount = sizeof kTypes / sizeof kTypes[0] };

static void create_gives_zeros_of_each_type(void) {
  for (size_t i = 0; i < kTypeCount; ++i) {
    oft_tensor* tensor = NULL;
    CHECK_OK(oft_tensor_create(kTypes[i].dtype, SIZES(3, 5), &tensor, &failure));
    oft_dtype dtype = -1;
    CHECK_OK(oft_tensor_dtype(tensor, &dtype, &failure));
    CHECK(dtype == kTypes[i].dtype);
    void* data = NULL;
    size_t bytes = 0;
    CHECK_OK(oft_tensor_data(tensor, &data, &bytes, &failure));
    CHECK(bytes == 15 * kTypes[i].size);
    for (size_t byte = 0; byte < bytes; ++byte) CHECK(((const char*)data)[byte] == 0);
    oft_tensor_destroy(tensor);
  }
}

static void sizes_fill_what_room_there_is(void) {
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_UINT8, SIZES(2, 3, 4), &tensor, &failure));
  size_t dims = 0;
  CHECK_OK(oft_tensor_sizes(tensor, NULL, 0, &dims, &failure));
  CHECK(dims == 3);
  int64_t sizes[4] = {-1, -1, -1, -1};
  CHECK_OK(oft_tensor_sizes(tensor, sizes, 2, &dims, &failure));
  CHECK(dims == 3 && sizes[0] == 2 && sizes[1] == 3 && sizes[2] == -1);
  CHECK_OK(oft_tensor_sizes(tensor, sizes, 4, &dims, &failure));
  CHECK(dims == 3 && sizes[2] == 4 && sizes[3] == -1);
  oft_tensor_destroy(tensor);
}

static void a_tensor_without_dimensions_has_one_element(void) {
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_INT64, NULL, 0, &tensor, &failure));
  void* data = NULL;
  size_t bytes = 0;
  size_t dims = 17;
  CHECK_OK(oft_tensor_data(tensor, &data, &bytes, &failure));
  CHECK(data != NULL && bytes == 8);
  CHECK_OK(oft_tensor_sizes(tensor, NULL, 0, &dims, &failure));
  CHECK(dims == 0);
  oft_tensor_destroy(tensor);
}

static void a_tensor_without_elements_has_no_data(void) {
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_FLOAT32, SIZES(4, 0), &tensor, &failure));
  void* data = UNTOUCHED;
  size_t bytes = 17;
  CHECK_OK(oft_tensor_data(tensor, &data, &bytes, &failure));
  CHECK(data == NULL && bytes == 0);
  oft_tensor_destroy(tensor);

  CHECK_OK(oft_tensor_from_blob(NULL, 0, OFT_DTYPE_FLOAT32, SIZES(0), &tensor, &failure));
  oft_tensor_destroy(tensor);
}

static void from_blob_sees_the_memory_of_the_caller(void) {
  float memory[6] = {1, 2, 3, 4, 5, 6};
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_tensor_from_blob(memory, sizeof memory, OFT_DTYPE_FLOAT32, SIZES(2, 3), &tensor,
                                &failure));
  void* data = NULL;
  size_t bytes = 0;
  CHECK_OK(oft_tensor_data(tensor, &data, &bytes, &failure));
  CHECK(data == memory && bytes == sizeof memory);
  oft_tensor_destroy(tensor);
  CHECK(memory[5] == 6);
}

static void from_blob_compares_the_length(void) {
  float memory[6] = {0};
  oft_tensor* tensor = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_tensor_from_blob(memory, sizeof memory, OFT_DTYPE_FLOAT32, SIZES(2, 4), &tensor,
                                   &failure),
              "data_size is 24 bytes", "32");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_tensor_from_blob(memory, sizeof memory, OFT_DTYPE_FLOAT64, SIZES(2, 3), &tensor,
                                   &failure),
              "data_size is 24 bytes", "48");
  /* 2^62 elements of 4 bytes: 2^64, which is 0 in 64 bits. */
  CHECK_FAILS(
      OFT_STATUS_INVALID_ARGUMENT,
      oft_tensor_from_blob(NULL, 0, OFT_DTYPE_FLOAT32, SIZES(INT64_C(1) << 62), &tensor, &failure),
      "4611686018427387904");
  CHECK(tensor == UNTOUCHED);
}

static void to_converts_into_a_copy(void) {
  const double values[3] = {1.5, -2.25, 0};
  oft_tensor* const source = new_tensor(values, SIZES(3));
  static const unsigned char expected[kTypeCount][24] = {
      {0, 0, 0xc0, 0x3f, 0, 0, 0x10, 0xc0, 0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0x02, 0xc0},
      {0, 0x3e, 0x80, 0xc0},
      {0xc0, 0x3f, 0x10, 0xc0},
      {1, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
      {1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff},
      {1, 0xfe, 0},
      {1, 1, 0},
  };
  for (size_t i = 0; i < kTypeCount; ++i) {
    oft_tensor* copy = NULL;
    CHECK_OK(oft_tensor_to(source, kTypes[i].dtype, &copy, &failure));
    void* data = NULL;
    size_t bytes = 0;
    CHECK_OK(oft_tensor_data(copy, &data, &bytes, &failure));
    CHECK(data != elements(source, 3) && bytes == 3 * kTypes[i].size);
    CHECK(memcmp(data, expected[i], bytes) == 0);
    oft_tensor_destroy(copy);
  }
  oft_tensor_destroy(source);
}

static void unknown_types_are_refused(void) {
  oft_tensor* tensor = UNTOUCHED;
  double memory = 0;
  oft_tensor* const source = new_tensor(&memory, NULL, 0);
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_tensor_create(8, NULL, 0, &tensor, &failure),
              "dtype 8", "OFT_DTYPE");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_tensor_create(-1, NULL, 0, &tensor, &failure),
              "dtype -1");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_tensor_from_blob(&memory, 8, 8, NULL, 0, &tensor, &failure), "dtype 8");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_tensor_to(source, 8, &tensor, &failure), "dtype 8");
  CHECK(tensor == UNTOUCHED);
  oft_tensor_destroy(source);
}

static void impossible_sizes_are_refused(void) {
  oft_tensor* tensor = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_tensor_create(OFT_DTYPE_UINT8, SIZES(2, -3), &tensor, &failure), "-3");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_tensor_create(OFT_DTYPE_UINT8, SIZES(INT64_MAX, 2), &tensor, &failure),
              "too large");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_tensor_create(OFT_DTYPE_FLOAT64, SIZES(INT64_MAX), &tensor, &failure),
              "9223372036854775807");
  CHECK(tensor == UNTOUCHED);
}

static void too_large_a_tensor_is_out_of_memory(void) {
  oft_tensor* tensor = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_OUT_OF_MEMORY,
              oft_tensor_create(OFT_DTYPE_FLOAT32, SIZES(INT64_C(1) << 60), &tensor, &failure),
              "memory");
  CHECK(tensor == UNTOUCHED);
}

static void null_is_refused(void) {
  oft_tensor* const tensor = new_tensor(q_a, SIZES(2));
  oft_tensor* out = UNTOUCHED;
  void* data = UNTOUCHED;
  size_t size = 17;
  oft_dtype dtype = 17;
  CHECK_REFUSES_NULL(oft_tensor_create(0, NULL, 1, &out, &failure), "sizes");
  CHECK_REFUSES_NULL(oft_tensor_create(0, SIZES(1), NULL, &failure), "out_tensor");
  CHECK_REFUSES_NULL(oft_tensor_from_blob(NULL, 4, 0, SIZES(1), &out, &failure), "data");
  CHECK_REFUSES_NULL(oft_tensor_from_blob(&size, 4, 0, NULL, 1, &out, &failure), "sizes");
  CHECK_REFUSES_NULL(oft_tensor_from_blob(&size, 4, 0, SIZES(1), NULL, &failure), "out_tensor");
  CHECK_REFUSES_NULL(oft_tensor_to(NULL, 0, &out, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_to(tensor, 0, NULL, &failure), "out_tensor");
  CHECK_REFUSES_NULL(oft_tensor_dtype(NULL, &dtype, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_dtype(tensor, NULL, &failure), "out_dtype");
  CHECK_REFUSES_NULL(oft_tensor_sizes(NULL, NULL, 0, &size, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_sizes(tensor, NULL, 1, &size, &failure), "sizes");
  CHECK_REFUSES_NULL(oft_tensor_sizes(tensor, NULL, 0, NULL, &failure), "out_dims");
  CHECK_REFUSES_NULL(oft_tensor_data(NULL, &data, &size, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_data(tensor, NULL, &size, &failure), "out_data");
  CHECK_REFUSES_NULL(oft_tensor_data(tensor, &data, NULL, &failure), "out_data_size");
  CHECK(out == UNTOUCHED && data == UNTOUCHED && size == 17 && dtype == 17);
  oft_tensor_destroy(tensor);
}

static const struct test_case cases[] = {
    TEST_CASE(create_gives_zeros_of_each_type),
    TEST_CASE(sizes_fill_what_room_there_is),
    TEST_CASE(a_tensor_without_dimensions_has_one_element),
    TEST_CASE(a_tensor_without_elements_has_no_data),
    TEST_CASE(from_blob_sees_the_memory_of_the_caller),
    TEST_CASE(from_blob_compares_the_length),
    TEST_CASE(to_converts_into_a_copy),
    TEST_CASE(unknown_types_are_refused),
    TEST_CASE(impossible_sizes_are_refused),
    TEST_CASE(too_large_a_tensor_is_out_of_memory),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(tensor);
