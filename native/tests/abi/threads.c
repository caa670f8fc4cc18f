#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fixtures.h"
#include "live.h"
#include "test.h"

/** One thread's share: merges and failing calls in turn. No checks, which end the main thread. */
struct share {
  const oft_rotation* rotation;
  const oft_tensor* weight;
  oft_dtype unknown;  // another number for each thread, to be found in its errors
  int good;
};

enum { kRounds = 50 };

static void* merge_and_fail(void* argument) {
  struct share* const share = argument;
  char number[16];
  snprintf(number, sizeof number, "dtype %d ", (int)share->unknown);
  for (int round = 0; round < kRounds; ++round) {
    oft_tensor* merged = NULL;
    oft_error* error = NULL;
    void* data = NULL;
    size_t bytes = 0;
    char message[256] = "";
    size_t size = 0;
    oft_rotation_merge(&share->rotation, 1, share->weight, OFT_LAYER_LINEAR, 1, &merged, NULL);
    oft_tensor_data(merged, &data, &bytes, NULL);
    oft_tensor_create(share->unknown, NULL, 0, NULL, &error);
    oft_error_message(error, message, sizeof message - 1, &size);
    if (bytes == sizeof merged_a && fabs(((double*)data)[2] - merged_a[2]) <= 1e-12 &&
        strstr(message, number) != NULL)
      ++share->good;
    oft_error_destroy(error);
    oft_tensor_destroy(merged);
  }
  return NULL;
}

static void threads_share_a_rotation_and_no_errors(void) {
  enum { kThreads = 4 };
  oft_rotation* const rotation = new_rotation_a();
  oft_tensor* const weight = new_tensor(weight_a, SIZES(2, 4));
  pthread_t threads[kThreads];
  struct share shares[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    shares[i] = (struct share){rotation, weight, 100 + i, 0};
    CHECK(pthread_create(&threads[i], NULL, merge_and_fail, &shares[i]) == 0);
  }
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  for (int i = 0; i < kThreads; ++i) CHECK(shares[i].good == kRounds);
  oft_tensor_destroy(weight);
  oft_rotation_destroy(rotation);
}

/** One thread's share of a model whose adapters change meanwhile. */
struct runner {
  oft_model* model;
  const oft_value* input;
  const double* expected[2]; /* the outputs of either adapter */
  atomic_bool* stop;
  atomic_int good;
  atomic_int bad;
};

enum { kOutputs = 12 };

static void* run_until_stopped(void* argument) {
  struct runner* const runner = argument;
  while (!atomic_load(runner->stop)) {
    oft_value* result = NULL;
    oft_tensor* y = NULL;
    void* data = NULL;
    size_t bytes = 0;
    oft_model_forward(runner->model, &runner->input, 1, NULL, NULL, 0, 0, -1, &result, NULL);
    oft_value_to_tensor(result, &y, NULL);
    oft_tensor_data(y, &data, &bytes, NULL);
    const bool whole =
        bytes == kOutputs * sizeof(double) && (memcmp(data, runner->expected[0], bytes) == 0 ||
                                               memcmp(data, runner->expected[1], bytes) == 0);
    atomic_fetch_add(whole ? &runner->good : &runner->bad, 1);
    oft_tensor_destroy(y);
    oft_value_destroy(result);
  }
  return NULL;
}

static void threads_see_one_adapter_or_the_other(void) {
  enum { kThreads = 4, kSwitches = 200, kRuns = 50 };
  oft_model* const model = new_model(FC1_BLOCKS_OF_4);
  oft_config* const config = new_config(FC1_BLOCKS_OF_4);
  oft_tensor* const x = new_input(3, 16);
  oft_value* const input = new_tensor_value(x);
  turn_model(model, 0.5);
  CHECK_OK(oft_model_add_adapter(model, TEXT("other"), config, 0, &failure));
  static const char* const names[] = {"[\"default\"]", "[\"other\"]"};
  oft_tensor* outputs[2];
  for (int i = 1; i >= 0; --i) {
    CHECK_OK(oft_model_set_adapter(model, TEXT(names[i]), &failure));
    outputs[i] = run_model(model, x, 0);
  }
  CHECK(difference(outputs[0], outputs[1], kOutputs) > 1e-3);

  atomic_bool stop = false;
  pthread_t threads[kThreads];
  struct runner runners[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    runners[i] = (struct runner){
        .model = model,
        .input = input,
        .expected = {elements(outputs[0], kOutputs), elements(outputs[1], kOutputs)},
        .stop = &stop};
    CHECK(pthread_create(&threads[i], NULL, run_until_stopped, &runners[i]) == 0);
  }
  /* Until there were switches enough, and runs of every thread among them. */
  oft_status status = OFT_STATUS_OK;
  int slowest = 0;
  for (int i = 0; status == OFT_STATUS_OK && (i < kSwitches || slowest < kRuns); ++i) {
    status = oft_model_set_adapter(model, TEXT(names[i % 2]), &failure);
    slowest = kRuns;
    for (int t = 0; t < kThreads; ++t) {
      const int runs = atomic_load(&runners[t].good) + atomic_load(&runners[t].bad);
      if (runs < slowest) slowest = runs;
    }
  }
  atomic_store(&stop, true);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  CHECK_OK(status);
  for (int i = 0; i < kThreads; ++i) CHECK(runners[i].bad == 0);
  for (int i = 0; i < 2; ++i) oft_tensor_destroy(outputs[i]);
  oft_value_destroy(input);
  oft_tensor_destroy(x);
  oft_config_destroy(config);
  oft_model_destroy(model);
}

static const struct test_case cases[] = {
    TEST_CASE(threads_share_a_rotation_and_no_errors),
    TEST_CASE(threads_see_one_adapter_or_the_other),
};
TEST_SUITE(threads);
