#include "fixtures.h"
#include "live.h"
#include "test.h"

#define ADAMW_OF_1 "{\"type\": \"AdamW\", \"groups\": [{\"count\": 1, \"lr\": 0.125}]}"

static const char* const kParameter = "fc1.oft_R.default.weight";

/* The model's one trainable tensor. */
static oft_tensor* trainable(const oft_model* model) {
  oft_text* report = NULL;
  CHECK_OK(oft_model_to_json(model, &report, &failure));
  static const char key[] = "\"trainable_names\":[\"";
  const char* const name = strstr(oft_text_data(report, NULL), key);
  CHECK(name != NULL);
  const char* const begin = name + sizeof key - 1;
  oft_tensor* tensor = NULL;
  CHECK_OK(oft_model_parameter(model, begin, (size_t)(strchr(begin, '"') - begin), &tensor, NULL,
                               &failure));
  oft_text_destroy(report);
  return tensor;
}

static oft_optimizer* new_optimizer(const char* spec, const oft_tensor* tensor) {
  oft_optimizer* optimizer = NULL;
  CHECK_OK(oft_optimizer_create(TEXT(spec), &tensor, 1, &optimizer, &failure));
  return optimizer;
}

static double train_once(oft_model* model, oft_optimizer* optimizer) {
  oft_tensor* const x = new_input(8, 16);
  CHECK_OK(oft_optimizer_zero_grad(optimizer, &failure));
  oft_tensor* const y = run_model(model, x, 1);
  oft_tensor* const loss = new_loss(y);
  CHECK_OK(oft_tensor_backward(loss, NULL, 0, &failure));
  CHECK_OK(oft_optimizer_step(optimizer, &failure));
  const double value = number_in(loss);
  oft_tensor_destroy(loss);
  oft_tensor_destroy(y);
  oft_tensor_destroy(x);
  return value;
}

static void steps_train_a_model(void) {
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  CHECK_OK(oft_model_train(model, 1, &failure));
  oft_tensor* const q = trainable(model);
  oft_optimizer* const optimizer = new_optimizer(ADAMW_OF_1, q);
  oft_tensor_destroy(model_parameter(model, kParameter, false));
  const double first = train_once(model, optimizer);
  oft_tensor_destroy(model_parameter(model, kParameter, true));
  double last = first;
  for (int i = 0; i < 20; ++i) last = train_once(model, optimizer);
  CHECK(last < 0.95 * first);

  /* A model that is run after a step sees the step. */
  CHECK_OK(oft_model_train(model, 0, &failure));
  oft_tensor* const x = new_input(8, 16);
  oft_tensor* const y = run_model(model, x, 0);
  oft_tensor* const loss = new_loss(y);
  CHECK(number_in(loss) < last);
  oft_tensor_destroy(loss);
  oft_tensor_destroy(y);
  oft_tensor_destroy(x);
  oft_optimizer_destroy(optimizer);
  oft_tensor_destroy(q);
  oft_model_destroy(model);
}

static void saved_state_continues_to_the_bit(void) {
  char path[kPathSize];
  path_in_folder(path, "optimizer.pt");
  enum { kHalf = 5 };
  double expected[2 * kHalf];
  for (int interrupted = 0; interrupted <= 1; ++interrupted) {
    oft_model* const model = new_model(FC1_BLOCKS_OF_4);
    oft_tensor* const q = trainable(model);
    oft_optimizer* optimizer = new_optimizer(ADAMW_OF_1, q);
    for (int i = 0; i < 2 * kHalf; ++i) {
      if (interrupted && i == kHalf) {
        CHECK_OK(oft_optimizer_save(optimizer, TEXT(path), &failure));
        oft_optimizer_destroy(optimizer);
        optimizer =
            new_optimizer("{\"type\": \"AdamW\", \"groups\": [{\"count\": 1, \"lr\": 9}]}", q);
        CHECK_OK(oft_optimizer_load(optimizer, TEXT(path), &failure));
      }
      const double loss = train_once(model, optimizer);
      if (!interrupted) expected[i] = loss;
      CHECK(loss == expected[i]);
    }
    oft_optimizer_destroy(optimizer);
    oft_tensor_destroy(q);
    oft_model_destroy(model);
  }
}

static void options_change_and_are_told(void) {
  oft_tensor* const q = new_tensor(q_a, SIZES(2));
  CHECK_OK(oft_tensor_set_requires_grad(q, 1, &failure));
  oft_optimizer* const optimizer =
      new_optimizer("{\"type\": \"SGD\", \"groups\": [{\"count\": 1}]}", q);
  CHECK_OK(
      oft_optimizer_set_options(optimizer, 0, TEXT("{\"lr\": 0.25, \"momentum\": 0.5}"), &failure));
  struct text text;
  READ_TEXT(text, oft_optimizer_to_json(optimizer, buffer, capacity, &size, &failure));
  CHECK(strcmp(text.data,
               "{\"type\":\"SGD\",\"groups\":[{\"count\":1,\"lr\":0.25,\"momentum\":0.5,"
               "\"dampening\":0.0,\"weight_decay\":0.0,\"nesterov\":false}]}") == 0);
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_optimizer_set_options(optimizer, 1, TEXT("{}"), &failure), "group 1");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_optimizer_set_options(optimizer, 0, TEXT("{\"rate\": 1}"), &failure), "rate",
              "'lr'");
  oft_optimizer_destroy(optimizer);
  oft_tensor_destroy(q);
}

static void bad_specs_and_tensors_are_refused(void) {
  oft_tensor* const plain = new_tensor(q_a, SIZES(2));
  oft_tensor* const leaf = new_tensor(q_a, SIZES(2));
  CHECK_OK(oft_tensor_set_requires_grad(leaf, 1, &failure));
  const oft_tensor* const plains[] = {plain};
  const oft_tensor* const leaves[] = {leaf};
  oft_optimizer* optimizer = UNTOUCHED;
  CHECK_FAILS(OFT_STATUS_PARSE,
              oft_optimizer_create(TEXT("AdamW"), leaves, 1, &optimizer, &failure),
              "optimizer spec");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_optimizer_create(TEXT("{\"type\": \"Lion\"}"), leaves, 1, &optimizer, &failure),
              "Lion", "'AdamW'");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_optimizer_create(TEXT(ADAMW_OF_1), leaves, 0, &optimizer, &failure), "count");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT,
              oft_optimizer_create(TEXT(ADAMW_OF_1), plains, 1, &optimizer, &failure), "tensor 0",
              "does not require gradients");
  CHECK(optimizer == UNTOUCHED);
  oft_tensor_destroy(leaf);
  oft_tensor_destroy(plain);
}

static void other_states_are_refused(void) {
  char path[kPathSize];
  path_in_folder(path, "optimizer.pt");
  oft_tensor* const q = new_tensor(q_a, SIZES(2));
  CHECK_OK(oft_tensor_set_requires_grad(q, 1, &failure));
  oft_optimizer* const optimizer = new_optimizer(ADAMW_OF_1, q);
  oft_optimizer* const sgd = new_optimizer("{\"type\": \"SGD\", \"groups\": [{\"count\": 1}]}", q);
  CHECK_FAILS(OFT_STATUS_NOT_FOUND, oft_optimizer_load(optimizer, TEXT(path), &failure),
              "optimizer.pt");
  CHECK_FAILS(OFT_STATUS_IO, oft_optimizer_save(optimizer, TEXT("/none/o.pt"), &failure), "/none");
  CHECK_OK(oft_optimizer_save(optimizer, TEXT(path), &failure));
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_optimizer_load(sgd, TEXT(path), &failure), "AdamW",
              "SGD");
  write_file(path, "no state", 8);
  CHECK_FAILS(OFT_STATUS_PARSE, oft_optimizer_load(optimizer, TEXT(path), &failure),
              "optimizer.pt");
  oft_optimizer_destroy(sgd);
  oft_optimizer_destroy(optimizer);
  oft_tensor_destroy(q);
}

static void null_is_refused(void) {
  oft_tensor* const q = new_tensor(q_a, SIZES(2));
  CHECK_OK(oft_tensor_set_requires_grad(q, 1, &failure));
  oft_optimizer* const optimizer = new_optimizer(ADAMW_OF_1, q);
  oft_optimizer* other = UNTOUCHED;
  const oft_tensor* const tensors[] = {q, NULL};
  size_t size = 0;
  CHECK_REFUSES_NULL(oft_optimizer_create(NULL, 1, tensors, 1, &other, &failure), "spec");
  CHECK_REFUSES_NULL(oft_optimizer_create(TEXT(ADAMW_OF_1), NULL, 1, &other, &failure), "tensors");
  CHECK_REFUSES_NULL(oft_optimizer_create(TEXT(ADAMW_OF_1), tensors, 2, &other, &failure),
                     "a tensor");
  CHECK_REFUSES_NULL(oft_optimizer_create(TEXT(ADAMW_OF_1), tensors, 1, NULL, &failure),
                     "out_optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_step(NULL, &failure), "optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_zero_grad(NULL, &failure), "optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_set_options(NULL, 0, TEXT("{}"), &failure), "optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_set_options(optimizer, 0, NULL, 1, &failure), "options");
  CHECK_REFUSES_NULL(oft_optimizer_to_json(NULL, NULL, 0, &size, &failure), "optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_to_json(optimizer, NULL, 0, NULL, &failure), "out_size");
  CHECK_REFUSES_NULL(oft_optimizer_save(NULL, TEXT("/none/o.pt"), &failure), "optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_save(optimizer, NULL, 1, &failure), "path");
  CHECK_REFUSES_NULL(oft_optimizer_load(NULL, TEXT("/none/o.pt"), &failure), "optimizer");
  CHECK_REFUSES_NULL(oft_optimizer_load(optimizer, NULL, 1, &failure), "path");
  CHECK(other == UNTOUCHED);
  oft_optimizer_destroy(optimizer);
  oft_optimizer_destroy(NULL);
  oft_tensor_destroy(q);
}

static const struct test_case cases[] = {
    TEST_CASE(steps_train_a_model),         TEST_CASE(saved_state_continues_to_the_bit),
    TEST_CASE(options_change_and_are_told), TEST_CASE(bad_specs_and_tensors_are_refused),
    TEST_CASE(other_states_are_refused),    TEST_CASE(null_is_refused),
};
TEST_SUITE(optimizer);
