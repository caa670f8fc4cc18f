#include <math.h>

#include "fixtures.h"
#include "test.h"

static oft_tensor* merge(const oft_rotation* const* rotations, size_t count,
                         const oft_tensor* weight, oft_layer_kind kind) {
  oft_tensor* merged = NULL;
  CHECK_OK(oft_rotation_merge(rotations, count, weight, kind, 1, &merged, &failure));
  return merged;
}

static oft_tensor* unmerge(const oft_rotation* const* rotations, size_t count,
                           const oft_tensor* weight, oft_layer_kind kind) {
  oft_tensor* base = NULL;
  CHECK_OK(oft_rotation_unmerge(rotations, count, weight, kind, &base, &failure));
  return base;
}

static oft_dtype dtype_of(const oft_tensor* tensor) {
  oft_dtype dtype = -1;
  CHECK_OK(oft_tensor_dtype(tensor, &dtype, &failure));
  return dtype;
}

static void each_layout_merges_and_unmerges(void) {
  static const double linear[8] = {1.9201,   1.1102,  1.2288,  4.8384,
                                   -0.13195, -1.1011, -0.5376, 1.9392};
  static const double by_features[8] = {1, 0.5, 2, -1, 3, 0.25, 4, 2};
  static const double merged_by_features[8] = {1.9201, -0.13195, 1.1102, -1.1011,
                                               1.2288, -0.5376,  4.8384, 1.9392};
  static const double embedding[8] = {-0.2639, 2.2022,  4.3008, 2.5344,
                                      0.96005, -0.5551, 0.9984, 1.7472};
  const struct {
    oft_layer_kind kind;
    int64_t sizes[4];
    size_t dims;
    const double *weight, *merged;
  } layouts[] = {
      {OFT_LAYER_LINEAR, {2, 4}, 2, weight_a, linear},
      {OFT_LAYER_CONV1D, {4, 2}, 2, by_features, merged_by_features},
      {OFT_LAYER_CONV_1D, {2, 2, 2}, 3, weight_a, linear},
      {OFT_LAYER_CONV_2D, {2, 1, 2, 2}, 4, weight_a, linear},
      {OFT_LAYER_EMBEDDING, {2, 4}, 2, weight_a, embedding},
  };
  oft_rotation* const rotation = new_rotation(NEUMANN_BLOCKS_OF_2, q_a, 2, 1, 4);
  const oft_rotation* const list[] = {rotation};
  for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; ++i) {
    oft_tensor* const weight = new_tensor(layouts[i].weight, layouts[i].sizes, layouts[i].dims);
    oft_tensor* const merged = merge(list, 1, weight, layouts[i].kind);
    int64_t sizes[4];
    size_t dims = 0;
    CHECK_OK(oft_tensor_sizes(merged, sizes, 4, &dims, &failure));
    CHECK(dims == layouts[i].dims);
    CHECK(memcmp(sizes, layouts[i].sizes, dims * sizeof sizes[0]) == 0);
    CHECK_ELEMENTS(unmerge(list, 1, merged, layouts[i].kind), layouts[i].weight, 8);
    CHECK_ELEMENTS(merged, layouts[i].merged, 8);
    oft_tensor_destroy(weight);
  }
  oft_rotation_destroy(rotation);
}

static void several_merge_in_the_order_of_a_forward(void) {
  static const double q_of_second[6] = {0.1, 0.2, -0.1, 0.05, 0.15, -0.2};
  static const double expected[8] = {-0.481427411594, 0.505462071506, 5.377206247134,
                                     0.773555891594,  1.457353407931, -0.740973760870,
                                     1.440258927704,  0.751819892835};
  oft_rotation* const first = new_rotation_a();
  oft_rotation* const second = new_rotation("{\"oft_block_size\": 4}", q_of_second, 1, 6, 4);
  const oft_rotation* const list[] = {first, second};
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_tensor* const merged = merge(list, 2, weight, OFT_LAYER_LINEAR);
  CHECK_ELEMENTS(unmerge(list, 2, merged, OFT_LAYER_LINEAR), weight_a, 8);
  CHECK_ELEMENTS(merged, expected, 8);
  oft_tensor_destroy(weight);
  oft_rotation_destroy(second);
  oft_rotation_destroy(first);
}

static void no_rotation_changes_nothing(void) {
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  CHECK_ELEMENTS(merge(NULL, 0, weight, OFT_LAYER_LINEAR), weight_a, 8);
  CHECK_ELEMENTS(unmerge(NULL, 0, weight, OFT_LAYER_EMBEDDING), weight_a, 8);
  oft_tensor_destroy(weight);
}

static void row_scale_multiplies_the_rows(void) {
  static const double scales[2] = {0.5, -1};
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  oft_tensor* const row_scale = new_tensor(scales, SIZES(2));
  oft_rotation* rotation = NULL;
  CHECK_OK(oft_rotation_create(q, 4, config, row_scale, &rotation, &failure));
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  const oft_rotation* const list[] = {rotation};
  oft_tensor* const merged = merge(list, 1, weight, OFT_LAYER_LINEAR);
  CHECK_ELEMENTS(unmerge(list, 1, merged, OFT_LAYER_LINEAR), weight_a, 8);
  double expected[8];
  for (int i = 0; i < 8; ++i) expected[i] = merged_a[i] * scales[i / 4];
  CHECK_ELEMENTS(merged, expected, 8);

  oft_tensor* const shorter = new_tensor(weight_a, SIZES(1, 4));
  oft_tensor* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_merge(list, 1, shorter, OFT_LAYER_LINEAR, 0, &out, &failure), "[1, 4]",
              "row scale of 2");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(shorter);
  oft_tensor_destroy(weight);
  oft_rotation_destroy(rotation);
  oft_tensor_destroy(row_scale);
  oft_tensor_destroy(q);
  oft_config_destroy(config);
}

static void float32_stays_float32(void) {
  oft_rotation* const rotation = new_rotation_a();
  const oft_rotation* const list[] = {rotation};
  float weight[8];
  for (int i = 0; i < 8; ++i) weight[i] = (float)weight_a[i];
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_tensor_from_blob(weight, sizeof weight, OFT_DTYPE_FLOAT32, SIZES(2, 4), &tensor,
                                &failure));
  oft_tensor* const merged = merge(list, 1, tensor, OFT_LAYER_LINEAR);
  CHECK(dtype_of(merged) == OFT_DTYPE_FLOAT32);
  void* data = NULL;
  size_t bytes = 0;
  CHECK_OK(oft_tensor_data(merged, &data, &bytes, &failure));
  CHECK(bytes == sizeof weight);
  for (int i = 0; i < 8; ++i) CHECK(fabs(((const float*)data)[i] - merged_a[i]) <= 1e-6);
  oft_tensor_destroy(merged);
  oft_tensor_destroy(tensor);
  oft_rotation_destroy(rotation);
}

static void sixteen_bits_are_rounded_once(void) {
  static const oft_dtype types[] = {OFT_DTYPE_FLOAT16, OFT_DTYPE_BFLOAT16};
  oft_rotation* const rotation = new_rotation_a();
  const oft_rotation* const list[] = {rotation};
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_tensor* const merged = new_tensor(merged_a, SIZES(2, 4));
  for (size_t i = 0; i < sizeof types / sizeof types[0]; ++i) {
    oft_tensor* narrow = NULL;
    oft_tensor* expected = NULL;
    CHECK_OK(oft_tensor_to(weight, types[i], &narrow, &failure));
    CHECK_OK(oft_tensor_to(merged, types[i], &expected, &failure));
    oft_tensor* const actual = merge(list, 1, narrow, OFT_LAYER_LINEAR);
    CHECK(dtype_of(actual) == types[i]);
    void* actual_data = NULL;
    void* expected_data = NULL;
    size_t bytes = 0;
    CHECK_OK(oft_tensor_data(actual, &actual_data, &bytes, &failure));
    CHECK(bytes == 16);
    CHECK_OK(oft_tensor_data(expected, &expected_data, &bytes, &failure));
    CHECK(memcmp(actual_data, expected_data, 16) == 0);
    oft_tensor_destroy(actual);
    oft_tensor_destroy(expected);
    oft_tensor_destroy(narrow);
  }
  oft_tensor_destroy(merged);
  oft_tensor_destroy(weight);
  oft_rotation_destroy(rotation);
}

static void weights_must_fit_kind_and_rotation(void) {
  oft_rotation* const rotation = new_rotation_a();
  const oft_rotation* const list[] = {rotation};
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_tensor* const transposed = new_tensor(weight_a, SIZES(4, 2));
  oft_tensor* whole = NULL;
  CHECK_OK(oft_tensor_to(weight, OFT_DTYPE_INT64, &whole, &failure));
  oft_tensor* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_merge(list, 1, transposed, OFT_LAYER_LINEAR, 0, &out, &failure),
              "[4, 2]", "2 features", "rotation 4");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_unmerge(list, 1, transposed, OFT_LAYER_LINEAR, &out, &failure),
              "[4, 2]");
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED,
              oft_rotation_merge(list, 1, weight, OFT_LAYER_CONV_2D, 0, &out, &failure), "Conv2d",
              "[2, 4]", "4 dimensions");
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED,
              oft_rotation_unmerge(list, 1, whole, OFT_LAYER_LINEAR, &out, &failure), "int64",
              "float32");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(whole);
  oft_tensor_destroy(transposed);
  oft_tensor_destroy(weight);
  oft_rotation_destroy(rotation);
}

static void safe_refuses_results_that_are_not_finite(void) {
  static const double large[4] = {65504, 65504, 0, 0};
  const double broken[4] = {1, NAN, 2, 3};
  oft_rotation* const rotation = new_rotation_a();
  const oft_rotation* const list[] = {rotation};
  oft_tensor* const nan_weight = new_tensor(broken, SIZES(1, 4));
  oft_tensor* const wide = new_tensor(large, SIZES(1, 4));
  oft_tensor* half = NULL;
  CHECK_OK(oft_tensor_to(wide, OFT_DTYPE_FLOAT16, &half, &failure));
  const oft_tensor* const weights[2] = {nan_weight, half};
  const char* const types[2] = {"float64", "float16"};
  for (int i = 0; i < 2; ++i) {
    oft_tensor* out = UNTOUCHED;
    CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
                oft_rotation_merge(list, 1, weights[i], OFT_LAYER_LINEAR, 1, &out, &failure),
                "not finite", types[i]);
    CHECK(out == UNTOUCHED);
    CHECK_OK(oft_rotation_merge(list, 1, weights[i], OFT_LAYER_LINEAR, 0, &out, &failure));
    oft_tensor_destroy(out);
  }
  oft_tensor_destroy(half);
  oft_tensor_destroy(wide);
  oft_tensor_destroy(nan_weight);
  oft_rotation_destroy(rotation);
}

static void a_singular_block_cannot_be_undone(void) {
  static const double q[2] = {0.5, 1};
  oft_rotation* const rotation = new_rotation(NEUMANN_BLOCKS_OF_2, q, 2, 1, 4);
  const oft_rotation* const list[] = {rotation};
  oft_tensor* const merged = new_tensor(merged_a, SIZES(2, 4));
  oft_tensor* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_unmerge(list, 1, merged, OFT_LAYER_LINEAR, &out, &failure), "block 1",
              "singular", "restore the base weight");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(merged);
  oft_rotation_destroy(rotation);
}

static void unknown_kinds_are_refused(void) {
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_tensor* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_merge(NULL, 0, weight, 5, 0, &out, &failure), "kind 5", "OFT_LAYER");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_unmerge(NULL, 0, weight, -1, &out, &failure), "kind -1", "OFT_LAYER");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(weight);
}

static void null_is_refused(void) {
  const oft_rotation* const nothing[] = {NULL};
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_tensor* out = UNTOUCHED;
  CHECK_REFUSES_NULL(oft_rotation_merge(NULL, 1, weight, 0, 0, &out, &failure), "rotations");
  CHECK_REFUSES_NULL(oft_rotation_merge(nothing, 1, weight, 0, 0, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_merge(NULL, 0, NULL, 0, 0, &out, &failure), "weight");
  CHECK_REFUSES_NULL(oft_rotation_merge(NULL, 0, weight, 0, 0, NULL, &failure), "out_weight");
  CHECK_REFUSES_NULL(oft_rotation_unmerge(NULL, 1, weight, 0, &out, &failure), "rotations");
  CHECK_REFUSES_NULL(oft_rotation_unmerge(nothing, 1, weight, 0, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_unmerge(NULL, 0, NULL, 0, &out, &failure), "weight");
  CHECK_REFUSES_NULL(oft_rotation_unmerge(NULL, 0, weight, 0, NULL, &failure), "out_weight");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(weight);
}

static const struct test_case cases[] = {
    TEST_CASE(each_layout_merges_and_unmerges),
    TEST_CASE(several_merge_in_the_order_of_a_forward),
    TEST_CASE(no_rotation_changes_nothing),
    TEST_CASE(row_scale_multiplies_the_rows),
    TEST_CASE(float32_stays_float32),
    TEST_CASE(sixteen_bits_are_rounded_once),
    TEST_CASE(weights_must_fit_kind_and_rotation),
    TEST_CASE(safe_refuses_results_that_are_not_finite),
    TEST_CASE(a_singular_block_cannot_be_undone),
    TEST_CASE(unknown_kinds_are_refused),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(rotation_merge);
