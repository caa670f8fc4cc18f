/** Adapter folders, PEFT's and others'. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_ADAPTER_H
#define OFT_C_API_ADAPTER_H

#include "oft/c_api/base.h"
#include "oft/c_api/config.h"
#include "oft/c_api/rotation.h"
#include "oft/c_api/tensor.h"

typedef struct oft_adapter oft_adapter;

/**
 * Reads an adapter folder (adapter_config.json with adapter_model.safetensors or .bin), or a file
 * of LyCORIS, kohya sd-scripts or OneTrainer.
 * @param out_adapter new
 * Returns: NOT_FOUND, IO, PARSE, INVALID_ARGUMENT (tensors of several makers, of wrong shapes),
 * UNSUPPORTED (PEFT <= 0.13, other methods).
 */
OFT_API oft_status oft_adapter_load(const char* path, size_t path_size, oft_adapter** out_adapter,
                                    oft_error** out_error);

/** An adapter without layers, to be filled by oft_adapter_put. out_adapter: new. */
OFT_API oft_status oft_adapter_create(const oft_config* config, oft_adapter** out_adapter,
                                      oft_error** out_error);

/**
 * Adds a layer, or replaces its parameters. Not safe beside other uses of the adapter.
 * @param is_embedding non-zero: written as `oft_embedding_R`
 * @param q shares memory
 */
OFT_API oft_status oft_adapter_put(oft_adapter* adapter, const char* layer, size_t layer_size,
                                   int32_t is_embedding, const oft_tensor* q,
                                   oft_error** out_error);

/** Writes the folder as PEFT 0.21 reads it. Returns: IO, UNSUPPORTED. */
OFT_API oft_status oft_adapter_save(const oft_adapter* adapter, const char* path, size_t path_size,
                                    oft_error** out_error);

/**
 * Text out: JSON with maker, layers (name, is_embedding, side, component, factors, rows,
 * block_size, dtype), replacements, unused_keys, warnings.
 */
OFT_API oft_status oft_adapter_to_json(const oft_adapter* adapter, char* buffer, size_t capacity,
                                       size_t* out_size, oft_error** out_error);

/** out_config: new. */
OFT_API oft_status oft_adapter_config(const oft_adapter* adapter, oft_config** out_config,
                                      oft_error** out_error);

/**
 * The rotation of one layer for a rotated dimension of `features`. out_rotation: new.
 * Returns: NOT_FOUND naming the nearest layers; INVALID_ARGUMENT where the blocks do not fit.
 */
OFT_API oft_status oft_adapter_rotation(const oft_adapter* adapter, const char* layer,
                                        size_t layer_size, int64_t features,
                                        oft_rotation** out_rotation, oft_error** out_error);

OFT_API void oft_adapter_destroy(oft_adapter* adapter);

#endif
