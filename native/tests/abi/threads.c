#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "fixtures.h"
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

static const struct test_case cases[] = {
    TEST_CASE(threads_share_a_rotation_and_no_errors),
};
TEST_SUITE(threads);
