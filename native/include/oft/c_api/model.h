/** Live models and their adapters. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_MODEL_H
#define OFT_C_API_MODEL_H

#include "oft/c_api/adapter.h"
#include "oft/c_api/base.h"
#include "oft/c_api/config.h"
#include "oft/c_api/script.h"
#include "oft/c_api/tensor.h"
#include "oft/c_api/value.h"

typedef struct oft_model oft_model;

/**
 * An OFT model over a TorchScript module, which stays as it is. Safe to use from any number of
 * threads, but for steps of an optimizer on its parameters. `names` are JSON arrays of texts.
 * Every call but destroy and to_json returns INVALID_STATE after the model was unloaded, and
 * NOT_FOUND, naming those that exist, for an unknown adapter.
 * @param options JSON {"low_cpu_mem_usage": false, "keep_base_weights": true,
 *                "cache_merged_weights": false, "model_type": null, "output_embedding": null,
 *                "is_pretrained_model": false}; NULL: all defaults
 * @param out_model new, in evaluation mode, the adapter active
 * Returns: INVALID_ARGUMENT where the configuration matches nothing or does not fit; UNSUPPORTED
 * for a frozen module, or layers that cannot be rotated.
 */
OFT_API oft_status oft_model_create(const oft_script* script, const oft_config* config,
                                    const char* adapter_name, size_t adapter_name_size,
                                    const char* options, size_t options_size, oft_model** out_model,
                                    oft_error** out_error);

/** The same with an adapter from a folder. Returns, besides: what oft_adapter_load returns. */
OFT_API oft_status oft_model_from_pretrained(const oft_script* script, const char* path,
                                             size_t path_size, const char* adapter_name,
                                             size_t adapter_name_size, int32_t is_trainable,
                                             const char* options, size_t options_size,
                                             oft_model** out_model, oft_error** out_error);

/** Adds an inactive adapter. Returns: INVALID_ARGUMENT for a name that exists or cannot be. */
OFT_API oft_status oft_model_add_adapter(oft_model* model, const char* name, size_t name_size,
                                         const oft_config* config, int32_t low_cpu_mem_usage,
                                         oft_error** out_error);

/**
 * Reads a file or folder into a new, inactive adapter, or at once into one that exists, whose
 * strength stays. Adapters of other makers than PEFT do not train. Returns: UNSUPPORTED where
 * `is_trainable` and it cannot be; INVALID_ARGUMENT where its layers are not those of the model.
 */
OFT_API oft_status oft_model_load_adapter(oft_model* model, const char* path, size_t path_size,
                                          const char* name, size_t name_size, int32_t is_trainable,
                                          int32_t low_cpu_mem_usage, oft_error** out_error);

/**
 * Writes adapters, all where `names` is NULL, as they are at strength 1. Returns: IO; UNSUPPORTED,
 * with nothing written, for one that PEFT's format has no place for.
 */
OFT_API oft_status oft_model_save_pretrained(const oft_model* model, const char* path,
                                             size_t path_size, const char* names, size_t names_size,
                                             oft_error** out_error);

/** Activates adapters, applied in this order. */
OFT_API oft_status oft_model_set_adapter(oft_model* model, const char* names, size_t names_size,
                                         oft_error** out_error);

/**
 * Lets an adapter turn by `strength` times its angles: R^strength, 1 at first, 0 as the base. If it
 * is merged, merged layers are unmerged first. With another strength than 1 one that trains runs in
 * evaluation mode and without gradients only; forward returns INVALID_STATE otherwise.
 * Returns: INVALID_ARGUMENT where it is not finite.
 */
OFT_API oft_status oft_model_set_adapter_strength(oft_model* model, const char* name,
                                                  size_t name_size, double strength,
                                                  oft_error** out_error);
OFT_API oft_status oft_model_adapter_strength(const oft_model* model, const char* name,
                                              size_t name_size, double* out_strength,
                                              oft_error** out_error);

/** Returns: INVALID_STATE while it is merged. */
OFT_API oft_status oft_model_delete_adapter(oft_model* model, const char* name, size_t name_size,
                                            oft_error** out_error);

/** Zero: the model computes what the base computes. */
OFT_API oft_status oft_model_enable_adapter(oft_model* model, int32_t on, oft_error** out_error);

/** A copy of an adapter. out_adapter: new. */
OFT_API oft_status oft_model_adapter(const oft_model* model, const char* name, size_t name_size,
                                     oft_adapter** out_adapter, oft_error** out_error);

/** Merges adapters, the active ones where `names` is NULL, on top of those merged already. */
OFT_API oft_status oft_model_merge_adapter(oft_model* model, const char* names, size_t names_size,
                                           int32_t safe_merge, oft_error** out_error);
OFT_API oft_status oft_model_unmerge_adapter(oft_model* model, oft_error** out_error);

/**
 * The base with adapters merged in, the active ones where `names` is NULL; the model is unloaded.
 * @param progress NULL, or called after each layer with layers done and all
 * @param out_script new, free of oft
 * Returns: CANCELLED.
 */
OFT_API oft_status oft_model_merge_and_unload(oft_model* model, const char* names,
                                              size_t names_size, int32_t safe_merge,
                                              oft_progress* progress, void* user_data,
                                              oft_script** out_script, oft_error** out_error);

/** The base; merged weights stay merged. out_script: new. */
OFT_API oft_status oft_model_unload(oft_model* model, oft_script** out_script,
                                    oft_error** out_error);

/**
 * Runs the method "forward".
 * @param kwargs NULL, or a dictionary of texts to values
 * @param names NULL, or the adapters to use instead of the active ones
 * @param record_grad non-zero: gradients are recorded; rotations are then computed anew
 * @param autocast OFT_DTYPE_BFLOAT16 or OFT_DTYPE_FLOAT16 for mixed precision, or -1
 * @param out_result new
 */
OFT_API oft_status oft_model_forward(oft_model* model, const oft_value* const* args, size_t count,
                                     const oft_value* kwargs, const char* names, size_t names_size,
                                     int32_t record_grad, oft_dtype autocast,
                                     oft_value** out_result, oft_error** out_error);

/** Training mode (non-zero) or evaluation mode, of the model and its adapters. */
OFT_API oft_status oft_model_train(oft_model* model, int32_t on, oft_error** out_error);

/** out_report: new: JSON, as OFTModel::to_json says. */
OFT_API oft_status oft_model_to_json(const oft_model* model, oft_text** out_report,
                                     oft_error** out_error);

/**
 * A parameter by a name of "trainable_names" or by PEFT's, "fc1.oft_R.default.weight".
 * @param out_tensor new, shares memory
 * @param out_grad NULL, or: new, shares memory; NULL where there is no gradient
 */
OFT_API oft_status oft_model_parameter(const oft_model* model, const char* name, size_t name_size,
                                       oft_tensor** out_tensor, oft_tensor** out_grad,
                                       oft_error** out_error);

OFT_API void oft_model_destroy(oft_model* model);

#endif
