/** PEFT's configuration of an adapter. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_CONFIG_H
#define OFT_C_API_CONFIG_H

#include "oft/c_api/base.h"

/** Where a configuration text comes from: it decides what absent keys mean. */
typedef int32_t oft_config_source;
enum oft_config_source_code {
  OFT_CONFIG_USER = 0,        /**< absent keys take oft's defaults */
  OFT_CONFIG_ADAPTER_FILE = 1 /**< absent keys take PEFT's defaults for the file's version */
};

typedef struct oft_config oft_config;

/**
 * Parses and validates a configuration in PEFT's JSON.
 * @param out_config new
 * Returns: PARSE (malformed JSON), INVALID_ARGUMENT (names field, value, remedy), UNSUPPORTED (an
 * adapter of PEFT 0.13 or older).
 */
OFT_API oft_status oft_config_parse(const char* json, size_t json_size, oft_config_source source,
                                    oft_config** out_config, oft_error** out_error);

/** Text out: the text of adapter_config.json, every key explicit. */
OFT_API oft_status oft_config_to_json(const oft_config* config, char* buffer, size_t capacity,
                                      size_t* out_size, oft_error** out_error);

/** Text out: a JSON array of what parsing found odd. */
OFT_API oft_status oft_config_warnings(const oft_config* config, char* buffer, size_t capacity,
                                       size_t* out_size, oft_error** out_error);

/**
 * Selects the layers that the configuration targets.
 * @param model JSON: {"layers": [{"name", "kind", "class_name"?}...], "model_type"?,
 *              "output_embedding"?, "is_pretrained_model"?}; kinds are "Linear", "Conv1D",
 * "Conv1d", "Conv2d", "Embedding" and "Other". Text out: a JSON array of {"name", "rank"?}.
 * Returns: PARSE; INVALID_ARGUMENT where nothing matches, naming the nearest layers.
 */
OFT_API oft_status oft_config_match(const oft_config* config, const char* model, size_t model_size,
                                    char* buffer, size_t capacity, size_t* out_size,
                                    oft_error** out_error);

/** The block size for a rotated dimension of `features`. */
OFT_API oft_status oft_config_block_size(const oft_config* config, int64_t features,
                                         int64_t* out_block_size, oft_error** out_error);

OFT_API void oft_config_destroy(oft_config* config);

#endif
