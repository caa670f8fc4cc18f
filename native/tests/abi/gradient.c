#include "fixtures.h"
#include "live.h"
#include "test.h"

static int32_t requires_grad(const oft_tensor* tensor) {
  int32_t requires = -1;
  CHECK_OK(oft_tensor_requires_grad(tensor, &requires, &failure));
  return requires;
}

static oft_tensor* new_leaf(void) {
  oft_tensor* const leaf = new_tensor(q_a, SIZES(2));
  CHECK(requires_grad(leaf) == 0);
  CHECK_OK(oft_tensor_set_requires_grad(leaf, 1, &failure));
  CHECK(requires_grad(leaf) == 1);
  return leaf;
}

static oft_tensor* grad_of(const oft_tensor* tensor) {
  oft_tensor* grad = UNTOUCHED;
  CHECK_OK(oft_tensor_grad(tensor, &grad, &failure));
  return grad;
}

static void backward_adds_gradients(void) {
  oft_tensor* const leaf = new_leaf();
  CHECK(grad_of(leaf) == NULL);
  oft_tensor* const squares = call_operator("aten::square", leaf, NULL);
  oft_tensor* const sum = call_operator("aten::sum", squares, NULL);
  CHECK(requires_grad(sum) == 1 && grad_of(squares) == NULL);
  CHECK_OK(oft_tensor_backward(sum, NULL, 1, &failure));
  CHECK_ELEMENTS(grad_of(leaf), ((const double[]){0.6, -0.4}), 2);
  CHECK_OK(oft_tensor_backward(sum, NULL, 0, &failure));
  CHECK_ELEMENTS(grad_of(leaf), ((const double[]){1.2, -0.8}), 2);
  CHECK_FAILS(OFT_STATUS_INVALID_STATE, oft_tensor_backward(sum, NULL, 0, &failure),
              "a second time");
  oft_tensor_destroy(sum);
  oft_tensor_destroy(squares);
  oft_tensor_destroy(leaf);
}

static void backward_takes_a_gradient(void) {
  oft_tensor* const leaf = new_leaf();
  oft_tensor* const squares = call_operator("aten::square", leaf, NULL);
  oft_tensor* const weights = new_tensor((const double[]){10, 100}, SIZES(2));
  oft_tensor* const wrong = new_tensor((const double[]){1, 1, 1}, SIZES(3));
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_tensor_backward(squares, NULL, 0, &failure), "[2]",
              "one number");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_tensor_backward(squares, wrong, 0, &failure), "[3]",
              "[2]");
  CHECK_OK(oft_tensor_backward(squares, weights, 0, &failure));
  CHECK_ELEMENTS(grad_of(leaf), ((const double[]){6, -40}), 2);
  oft_tensor_destroy(wrong);
  oft_tensor_destroy(weights);
  oft_tensor_destroy(squares);
  oft_tensor_destroy(leaf);
}

static void a_copy_has_no_gradient(void) {
  oft_tensor* const leaf = new_leaf();
  oft_tensor* copy = NULL;
  CHECK_OK(oft_tensor_to(leaf, OFT_DTYPE_FLOAT64, &copy, &failure));
  CHECK(requires_grad(copy) == 0);
  CHECK_ELEMENTS(copy, q_a, 2);
  oft_tensor_destroy(leaf);
}

static void what_has_no_gradients_says_so(void) {
  oft_tensor* const plain = new_tensor(q_a, SIZES(2));
  oft_tensor* const leaf = new_leaf();
  oft_tensor* const squares = call_operator("aten::square", leaf, NULL);
  oft_tensor* integers = NULL;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_INT64, SIZES(2), &integers, &failure));
  CHECK_FAILS(OFT_STATUS_INVALID_STATE, oft_tensor_backward(plain, NULL, 0, &failure),
              "nothing was recorded");
  CHECK_FAILS(OFT_STATUS_INVALID_STATE, oft_tensor_set_requires_grad(squares, 0, &failure),
              "recorded operation");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_tensor_set_requires_grad(integers, 1, &failure),
              "int64");
  CHECK_OK(oft_tensor_set_requires_grad(leaf, 0, &failure));
  CHECK(requires_grad(leaf) == 0);
  oft_tensor_destroy(integers);
  oft_tensor_destroy(squares);
  oft_tensor_destroy(leaf);
  oft_tensor_destroy(plain);
}

static void clip_scales_to_a_common_norm(void) {
  oft_tensor* const leaf = new_leaf();
  oft_tensor* const squares = call_operator("aten::square", leaf, NULL);
  oft_tensor* const weights = new_tensor((const double[]){5, -10}, SIZES(2));
  CHECK_OK(oft_tensor_backward(squares, weights, 0, &failure)); /* 3, 4 */
  double norm = 0;
  CHECK_OK(oft_gradients_clip((const oft_tensor* const*)&leaf, 1, 0.5, &norm, &failure));
  CHECK_CLOSE(&norm, ((const double[]){5}), 1);
  oft_tensor* const grad = grad_of(leaf);
  CHECK(elements(grad, 2)[0] < 0.3 && elements(grad, 2)[0] > 0.299999);
  oft_tensor_destroy(grad);
  CHECK_OK(oft_gradients_clip((const oft_tensor* const*)&leaf, 1, 0.5, NULL, &failure));
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_gradients_clip((const oft_tensor* const*)&leaf, 1, -1, NULL, &failure),
              "max_norm is -1");
  oft_tensor_destroy(weights);
  oft_tensor_destroy(squares);
  oft_tensor_destroy(leaf);
}

static void devices_have_names(void) {
  oft_tensor* const leaf = new_leaf();
  struct text text;
  READ_TEXT(text, oft_tensor_device(leaf, buffer, capacity, &size, &failure));
  CHECK(strcmp(text.data, "cpu") == 0);
  oft_tensor_destroy(leaf);
}

static void null_is_refused(void) {
  oft_tensor* const leaf = new_leaf();
  oft_tensor* out = UNTOUCHED;
  int32_t flag = 0;
  size_t size = 0;
  CHECK_REFUSES_NULL(oft_tensor_device(NULL, NULL, 0, &size, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_device(leaf, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_tensor_requires_grad(NULL, &flag, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_requires_grad(leaf, NULL, &failure), "out_requires");
  CHECK_REFUSES_NULL(oft_tensor_set_requires_grad(NULL, 1, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_backward(NULL, NULL, 0, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_grad(NULL, &out, &failure), "tensor");
  CHECK_REFUSES_NULL(oft_tensor_grad(leaf, NULL, &failure), "out_grad");
  CHECK_REFUSES_NULL(oft_gradients_clip(NULL, 1, 1, NULL, &failure), "tensors");
  CHECK(out == UNTOUCHED);
  oft_tensor_destroy(leaf);
}

static const struct test_case cases[] = {
    TEST_CASE(backward_adds_gradients),
    TEST_CASE(backward_takes_a_gradient),
    TEST_CASE(a_copy_has_no_gradient),
    TEST_CASE(what_has_no_gradients_says_so),
    TEST_CASE(clip_scales_to_a_common_norm),
    TEST_CASE(devices_have_names),
    TEST_CASE(null_is_refused),
};
TEST_SUITE(gradient);
