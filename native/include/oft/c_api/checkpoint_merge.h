/** Merging into a checkpoint. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_CHECKPOINT_MERGE_H
#define OFT_C_API_CHECKPOINT_MERGE_H

#include "oft/c_api/base.h"

typedef struct oft_checkpoint_merge oft_checkpoint_merge;

/**
 * A job that merges adapters into a checkpoint. Nothing is read yet. Not safe from several threads
 * at once.
 * @param base a .safetensors file, a folder with a model, a diffusers pipeline, or a model in the
 *             local Hugging Face cache by its name, "org/name[@revision]"
 * @param out_merge new
 */
OFT_API oft_status oft_checkpoint_merge_create(const char* base, size_t base_size,
                                               oft_checkpoint_merge** out_merge,
                                               oft_error** out_error);

/**
 * Adds an adapter, for the component of a pipeline that has a weight for each of its layers.
 * Several for one model apply in the order of a forward.
 * @param path of the adapter, or its name as for base
 */
OFT_API oft_status oft_checkpoint_merge_adapter(oft_checkpoint_merge* merge, const char* path,
                                                size_t path_size, oft_error** out_error);

/**
 * Adds an adapter for the component of a pipeline that is meant: "text_encoder", "unet", ...
 * @param component its folder's name; empty: as oft_checkpoint_merge_adapter
 */
OFT_API oft_status oft_checkpoint_merge_component_adapter(oft_checkpoint_merge* merge,
                                                          const char* component,
                                                          size_t component_size, const char* path,
                                                          size_t path_size, oft_error** out_error);

/**
 * @param json {"safe", "force", "verify", "sync": boolean, "dtype": "float16" | "bfloat16" |
 *             "float32" | "float64" | null, "device": "cpu", "threads": integer,
 *             "max_shard_size": bytes}; absent keys keep their defaults. The last call counts.
 * Returns: PARSE; INVALID_ARGUMENT naming key, value and remedy; DEVICE where it does not exist.
 */
OFT_API oft_status oft_checkpoint_merge_options(oft_checkpoint_merge* merge, const char* json,
                                                size_t json_size, oft_error** out_error);

/**
 * Runs the job; the target appears whole or not at all.
 * @param progress NULL, or called now and then with user_data
 * Returns: NOT_FOUND, IO, PARSE, INVALID_ARGUMENT (layers, weights and components that do not fit),
 * INVALID_STATE (no adapter), UNSUPPORTED, CANCELLED.
 */
OFT_API oft_status oft_checkpoint_merge_run(oft_checkpoint_merge* merge, const char* target,
                                            size_t target_size, oft_progress* progress,
                                            void* user_data, oft_error** out_error);

/** Text out: JSON report of the last run. Returns: INVALID_STATE unless the last run succeeded. */
OFT_API oft_status oft_checkpoint_merge_report(const oft_checkpoint_merge* merge, char* buffer,
                                               size_t capacity, size_t* out_size,
                                               oft_error** out_error);

OFT_API void oft_checkpoint_merge_destroy(oft_checkpoint_merge* merge);

#endif
