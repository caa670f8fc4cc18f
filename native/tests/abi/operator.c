#include "fixtures.h"
#include "live.h"
#include "test.h"

static oft_status call(const char* name, const oft_value* arg, const oft_value* kwargs,
                       oft_value** result) {
  return oft_operator_call(TEXT(name), &arg, 1, kwargs, result, &failure);
}

static void a_name_finds_the_overload(void) {
  oft_tensor* const q = new_tensor(q_a, SIZES(2));
  CHECK_ELEMENTS(call_operator("aten::add", q, q), ((const double[]){0.6, -0.4}), 2);
  CHECK_ELEMENTS(call_operator("aten::add.Tensor", q, q), ((const double[]){0.6, -0.4}), 2);
  CHECK_ELEMENTS(call_operator("aten::dot", q, q), ((const double[]){0.13}), 1);

  oft_value* two[2] = {new_tensor_value(q), NULL};
  CHECK_OK(oft_value_from_double(2, &two[1], &failure));
  oft_value* result = NULL;
  CHECK_OK(oft_operator_call(TEXT("aten::mul"), (const oft_value* const*)two, 2, NULL, &result,
                             &failure));
  CHECK_ELEMENTS(take_tensor(result), ((const double[]){0.6, -0.4}), 2);
  oft_value_destroy(two[0]);
  oft_value_destroy(two[1]);
  oft_tensor_destroy(q);
}

static void keywords_and_lists_are_converted(void) {
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_value* const arg = new_tensor_value(weight);
  oft_value* dim = NULL;
  CHECK_OK(oft_value_from_int(1, &dim, &failure));
  oft_value* dims = NULL;
  CHECK_OK(oft_value_from_items(OFT_VALUE_LIST, (const oft_value* const*)&dim, 1, &dims, &failure));
  oft_value* const kwargs = new_dictionary(new_text_value("dim"), dims);
  oft_value* result = NULL;
  CHECK_OK(call("aten::sum", arg, kwargs, &result));
  CHECK_ELEMENTS(take_tensor(result), ((const double[]){10, 1.75}), 2);
  oft_value_destroy(kwargs);
  oft_value_destroy(dim);
  oft_value_destroy(arg);
  oft_tensor_destroy(weight);
}

static void several_results_are_a_tuple(void) {
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_value* args[2] = {new_tensor_value(weight), NULL};
  CHECK_OK(oft_value_from_int(1, &args[1], &failure));
  oft_value* result = NULL;
  CHECK_OK(oft_operator_call(TEXT("aten::max"), (const oft_value* const*)args, 2, NULL, &result,
                             &failure));
  oft_value_kind kind = -1;
  CHECK_OK(oft_value_get_kind(result, &kind, &failure));
  CHECK(kind == OFT_VALUE_TUPLE);
  oft_value* item = NULL;
  CHECK_OK(oft_value_item(result, 0, &item, &failure));
  CHECK_ELEMENTS(take_tensor(item), ((const double[]){4, 2}), 2);
  oft_value_destroy(result);
  oft_value_destroy(args[0]);
  oft_value_destroy(args[1]);
  oft_tensor_destroy(weight);
}

static void results_may_be_views_that_data_refuses(void) {
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_tensor* const turned = call_operator("aten::t", weight, NULL);
  void* data = UNTOUCHED;
  size_t size = 17;
  CHECK_FAILS(OFT_STATUS_UNSUPPORTED, oft_tensor_data(turned, &data, &size, &failure), "cpu",
              "[4, 2]", "oft_tensor_to");
  CHECK(data == UNTOUCHED && size == 17);
  oft_tensor* copy = NULL;
  CHECK_OK(oft_tensor_to(turned, OFT_DTYPE_FLOAT64, &copy, &failure));
  CHECK_ELEMENTS(copy, ((const double[]){1, 0.5, 2, -1, 3, 0.25, 4, 2}), 8);
  oft_tensor_destroy(turned);
  oft_tensor_destroy(weight);
}

static void rotations_take_views_and_recorded_tensors(void) {
  oft_rotation* const rotation = new_rotation_a();
  oft_tensor* const stored =
      new_tensor((const double[]){1, 0.5, 2, -1, 3, 0.25, 4, 2}, SIZES(4, 2));
  CHECK_OK(oft_tensor_set_requires_grad(stored, 1, &failure));
  oft_tensor* const weight = call_operator("aten::t", stored, NULL);
  oft_tensor* merged = NULL;
  CHECK_OK(oft_rotation_merge((const oft_rotation* const*)&rotation, 1, weight, OFT_LAYER_LINEAR, 1,
                              &merged, &failure));
  CHECK_ELEMENTS(merged, merged_a, 8);
  oft_tensor* turned = NULL;
  CHECK_OK(oft_rotation_apply(rotation, weight, &turned, &failure));
  int32_t requires_grad = 17;
  CHECK_OK(oft_tensor_requires_grad(turned, &requires_grad, &failure));
  CHECK(requires_grad == 0);
  CHECK(elements(turned, 8) != NULL);
  oft_tensor_destroy(turned);
  oft_tensor_destroy(weight);
  oft_tensor_destroy(stored);
  oft_rotation_destroy(rotation);
}

static void failures_name_the_operator(void) {
  oft_tensor* const q = new_tensor(q_a, SIZES(2));
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  oft_value* const arg = new_tensor_value(q);
  const oft_value* const two[] = {new_tensor_value(weight), new_tensor_value(weight)};
  oft_value* const kwargs = new_dictionary(new_text_value("diim"), new_text_value("0"));
  oft_value* result = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, call("aten::sofmax", arg, NULL, &result), "'aten::sofmax'",
              "'aten::softmax'");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, call("softmax", arg, NULL, &result), "'aten::softmax'");
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, call("aten::softmax.other", arg, NULL, &result), "'int'");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, call("aten::softmax", arg, NULL, &result),
              "softmax.int(self: Tensor, dim: int");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, call("aten::softmax", arg, kwargs, &result), "'diim'");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, call("aten::relu", arg, arg, &result), "kwargs",
              "a tensor");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_operator_call(TEXT("aten::matmul"), two, 2, NULL, &result, &failure),
              "aten::matmul", "2x4");
  CHECK(result == UNTOUCHED);
  oft_value_destroy(kwargs);
  oft_value_destroy((oft_value*)two[0]);
  oft_value_destroy((oft_value*)two[1]);
  oft_value_destroy(arg);
  oft_tensor_destroy(weight);
  oft_tensor_destroy(q);
}

static void null_is_refused(void) {
  oft_value* const arg = new_text_value("x");
  oft_value* result = UNTOUCHED;
  const oft_value* const hole[] = {NULL};
  CHECK_REFUSES_NULL(oft_operator_call(NULL, 4, NULL, 0, NULL, &result, &failure), "name");
  CHECK_REFUSES_NULL(oft_operator_call(TEXT("aten::relu"), NULL, 1, NULL, &result, &failure),
                     "args");
  CHECK_REFUSES_NULL(oft_operator_call(TEXT("aten::relu"), hole, 1, NULL, &result, &failure),
                     "args[0]");
  CHECK_REFUSES_NULL(call("aten::relu", arg, NULL, NULL), "out_result");
  CHECK(result == UNTOUCHED);
  oft_value_destroy(arg);
}

static const struct test_case cases[] = {
    TEST_CASE(a_name_finds_the_overload),
    TEST_CASE(keywords_and_lists_are_converted),
    TEST_CASE(several_results_are_a_tuple),
    TEST_CASE(results_may_be_views_that_data_refuses),
    TEST_CASE(rotations_take_views_and_recorded_tensors),
    TEST_CASE(failures_name_the_operator),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(operator);
