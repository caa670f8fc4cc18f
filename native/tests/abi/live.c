#include "live.h"

#include <math.h>
#include <stdio.h>

#include "fixtures.h"
#include "test.h"

oft_script* new_script(const char* name) {
  char path[kPathSize];
  CHECK(snprintf(path, sizeof path, "%s/scripts/%s.pt", OFT_TEST_DATA_DIR, name) < kPathSize);
  oft_script* script = NULL;
  CHECK_OK(oft_script_load(TEXT(path), TEXT("cpu"), OFT_DTYPE_FLOAT64, &script, &failure));
  return script;
}

oft_model* new_model(const char* config) {
  oft_script* const script = new_script("mlp_scripted");
  oft_config* const parsed = new_config(config);
  oft_model* model = NULL;
  CHECK_OK(oft_model_create(script, parsed, TEXT("default"), NULL, 0, &model, &failure));
  oft_config_destroy(parsed);
  oft_script_destroy(script);
  return model;
}

oft_tensor* new_input(int64_t rows, int64_t columns) {
  oft_tensor* x = NULL;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_FLOAT64, SIZES(rows, columns), &x, &failure));
  double* const values = (double*)elements(x, (size_t)(rows * columns));
  for (int64_t i = 0; i < rows * columns; ++i) values[i] = (double)(i * 37 % 101) / 50 - 1;
  return x;
}

oft_value* new_tensor_value(const oft_tensor* tensor) {
  oft_value* value = NULL;
  CHECK_OK(oft_value_from_tensor(tensor, &value, &failure));
  return value;
}

oft_value* new_text_value(const char* text) {
  oft_value* value = NULL;
  CHECK_OK(oft_value_from_text(TEXT(text), &value, &failure));
  return value;
}

oft_value* new_dictionary(oft_value* key, oft_value* item) {
  const oft_value* const keys[] = {key};
  const oft_value* const items[] = {item};
  oft_value* dictionary = NULL;
  CHECK_OK(oft_value_from_entries(keys, items, 1, &dictionary, &failure));
  oft_value_destroy(key);
  oft_value_destroy(item);
  return dictionary;
}

oft_tensor* take_tensor(oft_value* value) {
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_value_to_tensor(value, &tensor, &failure));
  oft_value_destroy(value);
  return tensor;
}

oft_tensor* call_operator(const char* name, const oft_tensor* a, const oft_tensor* b) {
  oft_value* const values[2] = {new_tensor_value(a), b == NULL ? NULL : new_tensor_value(b)};
  oft_value* result = NULL;
  CHECK_OK(oft_operator_call(TEXT(name), (const oft_value* const*)values, b == NULL ? 1 : 2, NULL,
                             &result, &failure));
  oft_value_destroy(values[0]);
  oft_value_destroy(values[1]);
  return take_tensor(result);
}

oft_tensor* run_script(const oft_script* script, const oft_tensor* x) {
  oft_value* const arg = new_tensor_value(x);
  oft_value* result = NULL;
  CHECK_OK(oft_script_call(script, TEXT("forward"), (const oft_value* const*)&arg, 1, NULL, 0,
                           &result, &failure));
  oft_value_destroy(arg);
  return take_tensor(result);
}

oft_tensor* run_model(oft_model* model, const oft_tensor* x, int32_t record_grad) {
  oft_value* const arg = new_tensor_value(x);
  oft_value* result = NULL;
  CHECK_OK(oft_model_forward(model, (const oft_value* const*)&arg, 1, NULL, NULL, 0, record_grad,
                             -1, &result, &failure));
  oft_value_destroy(arg);
  return take_tensor(result);
}

oft_tensor* new_loss(const oft_tensor* y) {
  oft_tensor* const squares = call_operator("aten::square", y, NULL);
  oft_tensor* const loss = call_operator("aten::mean", squares, NULL);
  oft_tensor_destroy(squares);
  return loss;
}

double number_in(const oft_tensor* tensor) { return elements(tensor, 1)[0]; }

double difference(const oft_tensor* a, const oft_tensor* b, size_t count) {
  const double* const left = elements(a, count);
  const double* const right = elements(b, count);
  double largest = 0;
  for (size_t i = 0; i < count; ++i)
    if (!(fabs(left[i] - right[i]) <= largest)) largest = fabs(left[i] - right[i]);
  return largest;
}

oft_tensor* model_parameter(const oft_model* model, const char* name, bool has_grad) {
  oft_tensor* parameter = NULL;
  oft_tensor* grad = NULL;
  CHECK_OK(oft_model_parameter(model, TEXT(name), &parameter, &grad, &failure));
  CHECK((grad != NULL) == has_grad);
  oft_tensor_destroy(grad);
  return parameter;
}

void turn_model(oft_model* model, double size) {
  /* Written by an operator, as an optimizer does: the model notices that its parameters change. */
  oft_tensor* const q = model_parameter(model, "fc1.oft_R.default.weight", false);
  oft_tensor* const angles = new_input(4, 6);
  double* const values = (double*)elements(angles, 24);
  for (size_t i = 0; i < 24; ++i) values[i] *= size;
  oft_value* const args[2] = {new_tensor_value(q), new_tensor_value(angles)};
  oft_tensor_destroy(q);
  oft_tensor_destroy(angles);
  oft_value* result = NULL;
  CHECK_OK(oft_operator_call(TEXT("aten::copy_"), (const oft_value* const*)args, 2, NULL, &result,
                             &failure));
  oft_value_destroy(result);
  oft_value_destroy(args[0]);
  oft_value_destroy(args[1]);
}
