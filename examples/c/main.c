/**
 * Merges an OFT adapter into a TorchScript model, from plain C.
 *
 *     merge_module MODEL.pt ADAPTER_FOLDER OUT.pt INPUT_FEATURES
 *
 * The model takes one tensor [rows, INPUT_FEATURES] and gives one tensor. Printed are how far the
 * adapter moves the model's outputs, and that the merged model, read back, gives what the model
 * with the adapter gave.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oft/c_api.h"

enum { kRows = 16 };

/** All handles of the program; those not made yet are NULL, which destroys well. */
struct job {
  oft_script* base;
  oft_model* model;
  oft_script* merged;
  oft_value* input;
  oft_tensor* plain;   /* outputs of the base, */
  oft_tensor* adapted; /* of the model with its adapter, */
  oft_tensor* final;   /* and of the merged model */
  oft_error* error;
};

/** Goes on only where a call succeeded; `job->error` tells why it did not. */
#define TRY(call)                                 \
  do {                                            \
    const oft_status status_ = (call);            \
    if (status_ != OFT_STATUS_OK) return status_; \
  } while (0)

static oft_status make_input(struct job* job, int64_t features) {
  const int64_t sizes[] = {kRows, features};
  oft_tensor* tensor = NULL;
  void* data = NULL;
  size_t bytes = 0;
  TRY(oft_tensor_create(OFT_DTYPE_FLOAT32, sizes, 2, &tensor, &job->error));
  oft_status status = oft_tensor_data(tensor, &data, &bytes, &job->error);
  for (size_t i = 0; i < bytes / sizeof(float); ++i)
    ((float*)data)[i] = (float)(i * 37 % 101) / 101;
  if (status == OFT_STATUS_OK) status = oft_value_from_tensor(tensor, &job->input, &job->error);
  oft_tensor_destroy(tensor); /* the value holds it too */
  return status;
}

/** The tensor in a result, which is destroyed. */
static oft_status take_tensor(struct job* job, oft_value* result, oft_tensor** out) {
  oft_tensor* tensor = NULL;
  oft_status status = oft_value_to_tensor(result, &tensor, &job->error);
  oft_value_destroy(result);
  /* The result may be a view, or not float32: what is read below is a plain copy. */
  if (status == OFT_STATUS_OK) status = oft_tensor_to(tensor, OFT_DTYPE_FLOAT32, out, &job->error);
  oft_tensor_destroy(tensor);
  return status;
}

static oft_status run_script(struct job* job, const oft_script* script, oft_tensor** out) {
  const oft_value* const args[] = {job->input};
  oft_value* result = NULL;
  TRY(oft_script_call(script, "forward", 7, args, 1, NULL, 0, &result, &job->error));
  return take_tensor(job, result, out);
}

static oft_status run_model(struct job* job, oft_tensor** out) {
  const oft_value* const args[] = {job->input};
  oft_value* result = NULL;
  TRY(oft_model_forward(job->model, args, 1, NULL, NULL, 0, 0, -1, &result, &job->error));
  return take_tensor(job, result, out);
}

static int32_t show_progress(void* user_data, uint64_t done, uint64_t total) {
  (void)user_data;
  printf("merged layer %llu of %llu\n", (unsigned long long)done, (unsigned long long)total);
  return 0; /* go on */
}

static oft_status run(struct job* job, char** arguments) {
  const char* const model = arguments[0];
  const char* const adapter = arguments[1];
  const char* const out = arguments[2];
  TRY(oft_script_load(model, strlen(model), "cpu", 3, -1, &job->base, &job->error));
  TRY(make_input(job, atoll(arguments[3])));
  TRY(run_script(job, job->base, &job->plain));

  TRY(oft_model_from_pretrained(job->base, adapter, strlen(adapter), "default", 7, 0, NULL, 0,
                                &job->model, &job->error));
  TRY(run_model(job, &job->adapted));

  TRY(oft_model_merge_and_unload(job->model, NULL, 0, 1, show_progress, NULL, &job->merged,
                                 &job->error));
  TRY(oft_script_save(job->merged, out, strlen(out), &job->error));

  oft_script_destroy(job->merged);
  job->merged = NULL;
  TRY(oft_script_load(out, strlen(out), "cpu", 3, -1, &job->merged, &job->error));
  return run_script(job, job->merged, &job->final);
}

/** The largest difference of two tensors of one shape. */
static double difference(const oft_tensor* a, const oft_tensor* b) {
  void* left = NULL;
  void* right = NULL;
  size_t bytes = 0;
  if (oft_tensor_data(a, &left, &bytes, NULL) != OFT_STATUS_OK) return NAN;
  if (oft_tensor_data(b, &right, &bytes, NULL) != OFT_STATUS_OK) return NAN;
  double largest = 0;
  for (size_t i = 0; i < bytes / sizeof(float); ++i) {
    const double distance = fabs((double)((float*)left)[i] - (double)((float*)right)[i]);
    if (!(distance <= largest)) largest = distance;
  }
  return largest;
}

static void print_error(const oft_error* error) {
  char message[2048];
  size_t size = 0;
  oft_error_message(error, message, sizeof message, &size);
  if (size > sizeof message) size = sizeof message;
  fprintf(stderr, "%s: %.*s\n", oft_status_name(oft_error_status(error)), (int)size, message);
}

int main(int count, char** arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: %s MODEL.pt ADAPTER_FOLDER OUT.pt INPUT_FEATURES\n", arguments[0]);
    return 2;
  }
  struct job job = {0};
  int exit_code = 0;
  if (run(&job, arguments + 1) == OFT_STATUS_OK) {
    const double moved = difference(job.plain, job.adapted);
    const double lost = difference(job.adapted, job.final);
    printf("the adapter moves outputs by up to %.3g; merging, saving and loading by %.3g\n", moved,
           lost);
    exit_code = lost <= 1e-4 * (1 + moved) ? 0 : 1;
  } else {
    print_error(job.error);
    exit_code = 3;
  }
  oft_error_destroy(job.error);
  oft_tensor_destroy(job.final);
  oft_tensor_destroy(job.adapted);
  oft_tensor_destroy(job.plain);
  oft_value_destroy(job.input);
  oft_script_destroy(job.merged);
  oft_model_destroy(job.model);
  oft_script_destroy(job.base);
  return exit_code;
}
