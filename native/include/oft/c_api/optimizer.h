/** Optimizers and gradients. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_OPTIMIZER_H
#define OFT_C_API_OPTIMIZER_H

#include "oft/c_api/base.h"
#include "oft/c_api/tensor.h"

typedef struct oft_optimizer oft_optimizer;

/**
 * An optimizer of libtorch over tensors, which it writes in place. Not safe beside other uses of
 * the optimizer or the tensors.
 * @param spec JSON {"type": "AdamW" | "Adam" | "SGD" | "Adagrad" | "RMSprop", "groups":
 *             [{"count": tensors of the group, ...options}...]}; options by libtorch's names,
 * absent ones keep its defaults: "lr", "weight_decay", "betas", "eps", "amsgrad", "momentum",
 *             "dampening", "nesterov", "lr_decay", "alpha", "centered"
 * @param tensors those of the first group, then those of the next; shared
 * @param out_optimizer new
 * Returns: PARSE; INVALID_ARGUMENT naming key, value and remedy.
 */
OFT_API oft_status oft_optimizer_create(const char* spec, size_t spec_size,
                                        const oft_tensor* const* tensors, size_t count,
                                        oft_optimizer** out_optimizer, oft_error** out_error);

OFT_API oft_status oft_optimizer_step(oft_optimizer* optimizer, oft_error** out_error);

/** Drops the gradients. */
OFT_API oft_status oft_optimizer_zero_grad(oft_optimizer* optimizer, oft_error** out_error);

/** Changes options of a group, JSON as in the spec. */
OFT_API oft_status oft_optimizer_set_options(oft_optimizer* optimizer, size_t group,
                                             const char* options, size_t options_size,
                                             oft_error** out_error);

/** Text out: the spec, every option explicit. */
OFT_API oft_status oft_optimizer_to_json(const oft_optimizer* optimizer, char* buffer,
                                         size_t capacity, size_t* out_size, oft_error** out_error);

/** Writes the state (moments, steps, options), atomically. Returns: IO. */
OFT_API oft_status oft_optimizer_save(const oft_optimizer* optimizer, const char* path,
                                      size_t path_size, oft_error** out_error);

/** Reads it. Returns: NOT_FOUND, PARSE, INVALID_ARGUMENT where it is another optimizer's. */
OFT_API oft_status oft_optimizer_load(oft_optimizer* optimizer, const char* path, size_t path_size,
                                      oft_error** out_error);

OFT_API void oft_optimizer_destroy(oft_optimizer* optimizer);

/**
 * Scales the gradients of tensors down to a common 2-norm of at most max_norm.
 * @param out_norm the norm before; NULL where it is not wanted
 * Returns: INVALID_ARGUMENT where the norm is not finite; gradients are then as before.
 */
OFT_API oft_status oft_gradients_clip(const oft_tensor* const* tensors, size_t count,
                                      double max_norm, double* out_norm, oft_error** out_error);

#endif
