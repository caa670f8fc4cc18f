#include <math.h>

#include "fixtures.h"
#include "test.h"

static void apply_rotates_the_last_dimension(void) {
  oft_rotation* const rotation = new_rotation(NEUMANN_BLOCKS_OF_2, q_a, 2, 1, 4);
  static const double rows[8] = {1, -2, 0.5, 3, 0, 0, 0, 0};
  static const double expected[8] = {1.9201, -1.1102, 1.6128, 2.5728, 0, 0, 0, 0};
  oft_tensor* const x = new_tensor(rows, SIZES(1, 2, 1, 4));
  oft_tensor* y = NULL;
  CHECK_OK(oft_rotation_apply(rotation, x, &y, &failure));
  size_t dims = 0;
  CHECK_OK(oft_tensor_sizes(y, NULL, 0, &dims, &failure));
  CHECK(dims == 4);
  CHECK_ELEMENTS(y, expected, 8);

  oft_tensor* const wrong = new_tensor(rows, SIZES(4, 2));
  oft_tensor* whole = NULL;
  CHECK_OK(oft_tensor_to(x, OFT_DTYPE_INT64, &whole, &failure));
  oft_tensor* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_apply(rotation, wrong, &out, &failure),
              "[4, 2]", "4 features");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_apply(rotation, whole, &out, &failure),
              "int64", "float32");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(whole);
  oft_tensor_destroy(wrong);
  oft_tensor_destroy(x);
  oft_rotation_destroy(rotation);
}

static void json_tells_formula_and_shape(void) {
  oft_rotation* const rotation =
      new_rotation("{\"oft_block_size\": 2, \"coft\": true, \"eps\": 0.5}", q_a, 2, 1, 4);
  struct text json;
  READ_TEXT(json, oft_rotation_to_json(rotation, buffer, capacity, &size, &failure));
  CHECK_CONTAINS(json.data, "\"formula\":\"cayley\"");
  CHECK_CONTAINS(json.data, "\"terms\":5");
  CHECK_CONTAINS(json.data, "\"features\":4");
  CHECK_CONTAINS(json.data, "\"block_size\":2");
  CHECK_CONTAINS(json.data, "\"blocks\":2");
  CHECK_CONTAINS(json.data, "\"block_share\":false");
  CHECK_CONTAINS(json.data, "\"coft_eps\":0.5");
  oft_rotation_destroy(rotation);
}

static void q_is_the_memory_that_was_given(void) {
  double memory[2] = {0.3, -0.2};
  oft_tensor* q = NULL;
  CHECK_OK(
      oft_tensor_from_blob(memory, sizeof memory, OFT_DTYPE_FLOAT64, SIZES(2, 1), &q, &failure));
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_rotation* rotation = NULL;
  CHECK_OK(oft_rotation_create(q, 4, config, NULL, &rotation, &failure));
  oft_tensor* again = NULL;
  CHECK_OK(oft_rotation_q(rotation, &again, &failure));
  CHECK(elements(again, 2) == memory);
  oft_tensor_destroy(again);
  oft_rotation_destroy(rotation);
  oft_config_destroy(config);
  oft_tensor_destroy(q);
}

static void inverse_undoes_the_matrices(void) {
  oft_rotation* const exact = new_rotation_a();
  oft_rotation* const series = new_rotation(NEUMANN_BLOCKS_OF_2, q_a, 2, 1, 4);
  static const double transposed[8] = {0.834862385321, 0.550458715596, -0.550458715596,
                                       0.834862385321, 0.923076923077, -0.384615384615,
                                       0.384615384615, 0.923076923077};
  oft_tensor* inverse = NULL;
  CHECK_OK(oft_rotation_inverse(exact, OFT_DTYPE_FLOAT64, &inverse, &failure));
  CHECK_ELEMENTS(inverse, transposed, 8);

  /* A block [[c, s], [-s, c]] has the inverse [[c, -s], [s, c]] / (c^2 + s^2). */
  static const double r[8] = {0.8281, 0.546, -0.546, 0.8281, 0.9216, -0.384, 0.384, 0.9216};
  double expected[8];
  for (int block = 0; block < 8; block += 4) {
    const double c = r[block], s = r[block + 1], determinant = c * c + s * s;
    expected[block] = expected[block + 3] = c / determinant;
    expected[block + 1] = -s / determinant;
    expected[block + 2] = s / determinant;
  }
  CHECK_OK(oft_rotation_inverse(series, OFT_DTYPE_FLOAT64, &inverse, &failure));
  CHECK_ELEMENTS(inverse, expected, 8);
  oft_rotation_destroy(series);
  oft_rotation_destroy(exact);
}

static void a_singular_block_has_no_inverse(void) {
  static const double q[2] = {0.5, 1};
  oft_rotation* const rotation = new_rotation(NEUMANN_BLOCKS_OF_2, q, 2, 1, 4);
  oft_tensor* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_inverse(rotation, OFT_DTYPE_FLOAT64, &out, &failure), "block 1",
              "singular");
  CHECK(out == UNTOUCHED);
  oft_rotation_destroy(rotation);
}

/* Both formulas turn by 2 atan(q), though in opposite directions. */
static void angles_are_those_of_the_planes(void) {
  static const double expected[2] = {0.5829135889557342, 0.3947911196997615};
  static const char* const configs[] = {EXACT_BLOCKS_OF_2, NEUMANN_BLOCKS_OF_2};
  for (int i = 0; i < 2; ++i) {
    oft_rotation* const rotation = new_rotation(configs[i], q_a, 2, 1, 4);
    oft_tensor* angles = NULL;
    CHECK_OK(oft_rotation_angles(rotation, &angles, &failure));
    CHECK_ELEMENTS(angles, expected, 2);
    oft_rotation_destroy(rotation);
  }
}

static void orthogonality_error_is_that_of_the_worst_block(void) {
  oft_rotation* const exact = new_rotation_a();
  oft_rotation* const series = new_rotation(NEUMANN_BLOCKS_OF_2, q_a, 2, 1, 4);
  double value = -1;
  CHECK_OK(oft_rotation_orthogonality_error(exact, OFT_DTYPE_FLOAT64, &value, &failure));
  CHECK(value >= 0 && value < 1e-15);
  CHECK_OK(oft_rotation_orthogonality_error(exact, OFT_DTYPE_FLOAT32, &value, &failure));
  CHECK(value >= 0 && value < 1e-6);
  /* R^T R = (1 - 0.3^4)^2 I, hence sqrt(2) (1 - 0.9919^2). */
  CHECK_OK(oft_rotation_orthogonality_error(series, OFT_DTYPE_FLOAT64, &value, &failure));
  CHECK(fabs(value - 0.022817473158616763) < 1e-15);
  oft_rotation_destroy(series);
  oft_rotation_destroy(exact);
}

static void parameters_must_fit_the_features(void) {
  static const double zeros[10] = {0};
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_config* const shared = new_config("{\"oft_block_size\": 2, \"block_share\": true}");
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  oft_tensor* const no_triangle = new_tensor(zeros, SIZES(2, 5));
  oft_tensor* const flat = new_tensor(zeros, SIZES(2));
  oft_tensor* whole = NULL;
  CHECK_OK(oft_tensor_to(q, OFT_DTYPE_INT32, &whole, &failure));
  oft_rotation* out = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_create(q, 6, config, NULL, &out, &failure),
              "2 blocks of 2", "6 features");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_create(q, 4, shared, NULL, &out, &failure),
              "shared", "4 features");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_create(q, -4, config, NULL, &out, &failure),
              "-4 features");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_create(no_triangle, 8, config, NULL, &out, &failure), "5 per block",
              "b(b-1)/2");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_create(flat, 4, config, NULL, &out, &failure), "[2]",
              "[blocks, b(b-1)/2]");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_create(whole, 4, config, NULL, &out, &failure), "int32",
              "floating-point");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(whole);
  oft_tensor_destroy(flat);
  oft_tensor_destroy(no_triangle);
  oft_tensor_destroy(q);
  oft_config_destroy(shared);
  oft_config_destroy(config);
}

static void unknown_types_are_refused(void) {
  oft_rotation* const rotation = new_rotation_a();
  oft_tensor* out = UNTOUCHED;
  double value = 17;
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_rotation_matrices(rotation, 8, &out, &failure),
              "dtype 8", "float32");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_inverse(rotation, OFT_DTYPE_FLOAT16, &out, &failure), "dtype 2",
              "float32");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_rotation_orthogonality_error(rotation, OFT_DTYPE_INT64, &value, &failure),
              "dtype 4");
  CHECK(out == UNTOUCHED && value == 17);
  oft_rotation_destroy(rotation);
}

static void null_is_refused(void) {
  oft_rotation* const rotation = new_rotation_a();
  oft_config* const config = new_config(EXACT_BLOCKS_OF_2);
  oft_tensor* const q = new_tensor(q_a, SIZES(2, 1));
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_rotation* made = UNTOUCHED;
  oft_tensor* out = UNTOUCHED;
  size_t size = 17;
  double value = 17;
  CHECK_REFUSES_NULL(oft_rotation_create(NULL, 4, config, NULL, &made, &failure), "q");
  CHECK_REFUSES_NULL(oft_rotation_create(q, 4, NULL, NULL, &made, &failure), "config");
  CHECK_REFUSES_NULL(oft_rotation_create(q, 4, config, NULL, NULL, &failure), "out_rotation");
  CHECK_REFUSES_NULL(oft_rotation_to_json(NULL, NULL, 0, &size, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_to_json(rotation, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_rotation_q(NULL, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_q(rotation, NULL, &failure), "out_q");
  CHECK_REFUSES_NULL(oft_rotation_matrices(NULL, 0, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_matrices(rotation, 0, NULL, &failure), "out_matrices");
  CHECK_REFUSES_NULL(oft_rotation_inverse(NULL, 0, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_inverse(rotation, 0, NULL, &failure), "out_matrices");
  CHECK_REFUSES_NULL(oft_rotation_angles(NULL, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_angles(rotation, NULL, &failure), "out_angles");
  CHECK_REFUSES_NULL(oft_rotation_orthogonality_error(NULL, 0, &value, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_orthogonality_error(rotation, 0, NULL, &failure), "out_value");
  CHECK_REFUSES_NULL(oft_rotation_apply(NULL, weight, &out, &failure), "rotation");
  CHECK_REFUSES_NULL(oft_rotation_apply(rotation, NULL, &out, &failure), "x");
  CHECK_REFUSES_NULL(oft_rotation_apply(rotation, weight, NULL, &failure), "out_y");
  CHECK(made == UNTOUCHED && out == UNTOUCHED && size == 17 && value == 17);
  oft_tensor_destroy(weight);
  oft_tensor_destroy(q);
  oft_config_destroy(config);
  oft_rotation_destroy(rotation);
}

static const struct test_case cases[] = {
    TEST_CASE(apply_rotates_the_last_dimension),
    TEST_CASE(json_tells_formula_and_shape),
    TEST_CASE(q_is_the_memory_that_was_given),
    TEST_CASE(inverse_undoes_the_matrices),
    TEST_CASE(a_singular_block_has_no_inverse),
    TEST_CASE(angles_are_those_of_the_planes),
    TEST_CASE(orthogonality_error_is_that_of_the_worst_block),
    TEST_CASE(parameters_must_fit_the_features),
    TEST_CASE(unknown_types_are_refused),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(rotation);
