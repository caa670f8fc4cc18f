/** Live models, values and operators, for tests of what runs. */
#ifndef OFT_TESTS_ABI_LIVE_H
#define OFT_TESTS_ABI_LIVE_H

#include <stdbool.h>

#include "oft/c_api.h"

/** A config for the float64 forms of data/scripts/mlp_*.pt: fc1 by its input, in blocks of 4. */
#define FC1_BLOCKS_OF_4 "{\"oft_block_size\": 4, \"target_modules\": [\"fc1\"]}"
#define ALL_BLOCKS_OF_4 "{\"oft_block_size\": 4, \"target_modules\": \"all-linear\"}"

/** Loads data/scripts/<name>.pt with float64 parameters. */
oft_script* new_script(const char* name);

/** mlp_scripted.pt with an adapter "default" by `config`. */
oft_model* new_model(const char* config);

/** A float64 tensor [rows, columns] of numbers between -1 and 1. */
oft_tensor* new_input(int64_t rows, int64_t columns);

oft_value* new_tensor_value(const oft_tensor* tensor);
oft_value* new_text_value(const char* text);
/** A dictionary of one entry, which both are destroyed. */
oft_value* new_dictionary(oft_value* key, oft_value* item);

/** The tensor in a value, which is destroyed. */
oft_tensor* take_tensor(oft_value* value);

/** An operator of one or two tensors with one tensor as its result; `b` may be NULL. */
oft_tensor* call_operator(const char* name, const oft_tensor* a, const oft_tensor* b);

/** The script's or the model's result for one tensor. */
oft_tensor* run_script(const oft_script* script, const oft_tensor* x);
oft_tensor* run_model(oft_model* model, const oft_tensor* x, int32_t record_grad);

/** The mean of the squares of a float64 tensor, recorded. */
oft_tensor* new_loss(const oft_tensor* y);

/** The one element of a float64 tensor. */
double number_in(const oft_tensor* tensor);

/** The largest difference of two float64 tensors of `count` elements. */
double difference(const oft_tensor* a, const oft_tensor* b, size_t count);

/** A parameter of a model by name; its gradient is asked for too, and must be there or not. */
oft_tensor* model_parameter(const oft_model* model, const char* name, bool has_grad);

/** Fills q of a model's adapter "default" at layer fc1 with numbers between -size and size. */
void turn_model(oft_model* model, double size);

#endif
