/**
 * The C ABI of liboft: Orthogonal Finetuning (OFT) adapters, PEFT's format, on libtorch.
 *
 *     oft_<noun>_<verb>(inputs..., out_..., oft_error** out_error) -> oft_status
 *
 * Errors     OFT_STATUS_OK is 0, failures are negative. On failure, where out_error is not NULL,
 *            *out_error is a new error that the caller destroys; on success it is not written.
 *            Out-parameters are written on success only. No exception leaves this library.
 *            Every call can return INVALID_ARGUMENT (a NULL where a pointer is needed, a number
 *            that stands for nothing), OUT_OF_MEMORY and INTERNAL; comments name the other ones.
 * Handles    Opaque. "New": the caller owns it and destroys it, once; destroying NULL is fine.
 *            "Borrowed": valid as long as its owner.
 * Text in    UTF-8, pointer and length in bytes, no terminator; NULL only with length 0. Copied.
 * Text out   *out_size receives the length in bytes, no terminator; at most `capacity` bytes are
 *            written to `buffer`. NULL with capacity 0 asks for the length.
 * Threads    Handles are immutable unless a comment says otherwise: any number of threads may use
 *            one at once, but none while another destroys it. Nothing is kept per thread.
 */
#ifndef OFT_C_API_H
#define OFT_C_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define OFT_API
#else
#define OFT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Rises with every change that an existing caller could notice. */
#define OFT_ABI_VERSION 2

typedef int32_t oft_status;

/** Append only. */
enum oft_status_code {
  OFT_STATUS_OK = 0,
  OFT_STATUS_INVALID_ARGUMENT = -1,
  OFT_STATUS_INVALID_STATE = -2,
  OFT_STATUS_NOT_FOUND = -3,
  OFT_STATUS_IO = -4,
  OFT_STATUS_PARSE = -5,
  OFT_STATUS_UNSUPPORTED = -6,
  OFT_STATUS_OUT_OF_MEMORY = -7,
  OFT_STATUS_DEVICE = -8,
  OFT_STATUS_INTERNAL = -9,
  OFT_STATUS_CANCELLED = -10
};

/** Element types of tensors. Append only. */
typedef int32_t oft_dtype;
enum oft_dtype_code {
  OFT_DTYPE_FLOAT32 = 0,
  OFT_DTYPE_FLOAT64 = 1,
  OFT_DTYPE_FLOAT16 = 2,
  OFT_DTYPE_BFLOAT16 = 3,
  OFT_DTYPE_INT64 = 4,
  OFT_DTYPE_INT32 = 5,
  OFT_DTYPE_UINT8 = 6,
  OFT_DTYPE_BOOL = 7
};

/** Layouts of weights; `d` is the rotated dimension. Append only. */
typedef int32_t oft_layer_kind;
enum oft_layer_kind_code {
  OFT_LAYER_LINEAR = 0,   /**< [out, d] */
  OFT_LAYER_CONV1D = 1,   /**< transformers' Conv1D: [d, out] */
  OFT_LAYER_CONV_1D = 2,  /**< [out, in, k], d = in * k */
  OFT_LAYER_CONV_2D = 3,  /**< [out, in, kh, kw], d = in * kh * kw */
  OFT_LAYER_EMBEDDING = 4 /**< [rows, d] */
};

/** What a value is. Append only. */
typedef int32_t oft_value_kind;
enum oft_value_kind_code {
  OFT_VALUE_NONE = 0,
  OFT_VALUE_TENSOR = 1,
  OFT_VALUE_INT = 2,
  OFT_VALUE_DOUBLE = 3,
  OFT_VALUE_BOOL = 4,
  OFT_VALUE_TEXT = 5,
  OFT_VALUE_LIST = 6,
  OFT_VALUE_TUPLE = 7,
  OFT_VALUE_DICT = 8
};

/** Where a configuration text comes from: it decides what absent keys mean. */
typedef int32_t oft_config_source;
enum oft_config_source_code {
  OFT_CONFIG_USER = 0,        /**< absent keys take oft's defaults */
  OFT_CONFIG_ADAPTER_FILE = 1 /**< absent keys take PEFT's defaults for the file's version */
};

typedef struct oft_error oft_error;
typedef struct oft_config oft_config;
typedef struct oft_tensor oft_tensor;
typedef struct oft_rotation oft_rotation;
typedef struct oft_adapter oft_adapter;
typedef struct oft_checkpoint_merge oft_checkpoint_merge;
typedef struct oft_text oft_text;
typedef struct oft_value oft_value;
typedef struct oft_script oft_script;
typedef struct oft_model oft_model;
typedef struct oft_optimizer oft_optimizer;

/**
 * Progress of a long call: bytes or layers done, and all. Called on the thread that runs it.
 * Returns 0 to go on; anything else cancels. Must not unwind.
 */
typedef int32_t oft_progress(void* user_data, uint64_t done, uint64_t total);

/* ---------------------------------------------------------------- library ---- */

/** The OFT_ABI_VERSION that the library was built with. */
OFT_API uint32_t oft_abi_version(void);

/** "OK", "INVALID_ARGUMENT", ...; "UNKNOWN" for any other number. Static, never NULL. */
OFT_API const char* oft_status_name(oft_status status);

/** JSON: versions of oft and libtorch, CUDA, compiler, instruction sets compiled and chosen. */
OFT_API oft_status oft_build_info(char* buffer, size_t capacity, size_t* out_size,
                                  oft_error** out_error);

/** How many handles of all types exist in this process, errors included. For leak tests. */
OFT_API oft_status oft_live_handles(int64_t* out_count, oft_error** out_error);

/* ------------------------------------------------------------------ error ---- */

/** The category; OFT_STATUS_OK for NULL. */
OFT_API oft_status oft_error_status(const oft_error* error);

/** Text out; empty for NULL. Returns INVALID_ARGUMENT where out_size is NULL. */
OFT_API oft_status oft_error_message(const oft_error* error, char* buffer, size_t capacity,
                                     size_t* out_size);

OFT_API void oft_error_destroy(oft_error* error);

/* ----------------------------------------------------------------- config ---- */

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

/* ----------------------------------------------------------------- tensor ---- */

/**
 * A tensor of zeros on the CPU, to be filled through oft_tensor_data before others see it.
 * @param out_tensor new
 */
OFT_API oft_status oft_tensor_create(oft_dtype dtype, const int64_t* sizes, size_t dims,
                                     oft_tensor** out_tensor, oft_error** out_error);

/**
 * A tensor over the caller's memory, row-major, which is borrowed: it must outlive the tensor and
 * every view of it.
 * @param data_size bytes; must be what dtype and sizes need
 * @param out_tensor new
 */
OFT_API oft_status oft_tensor_from_blob(void* data, size_t data_size, oft_dtype dtype,
                                        const int64_t* sizes, size_t dims, oft_tensor** out_tensor,
                                        oft_error** out_error);

/** A contiguous copy on the CPU, without gradient, of element type `dtype`. out_tensor: new. */
OFT_API oft_status oft_tensor_to(const oft_tensor* tensor, oft_dtype dtype, oft_tensor** out_tensor,
                                 oft_error** out_error);

/** Returns: UNSUPPORTED where the element type has no number here. */
OFT_API oft_status oft_tensor_dtype(const oft_tensor* tensor, oft_dtype* out_dtype,
                                    oft_error** out_error);

/** Writes the number of dimensions, and at most `capacity` sizes. */
OFT_API oft_status oft_tensor_sizes(const oft_tensor* tensor, int64_t* sizes, size_t capacity,
                                    size_t* out_dims, oft_error** out_error);

/**
 * The elements, row-major. out_data: borrowed from the tensor; NULL where it has none.
 * @param out_data_size bytes
 * Returns: UNSUPPORTED for a tensor that is not contiguous or not on the CPU: see oft_tensor_to.
 */
OFT_API oft_status oft_tensor_data(const oft_tensor* tensor, void** out_data, size_t* out_data_size,
                                   oft_error** out_error);

/** Text out: "cpu", "cuda:0", ... */
OFT_API oft_status oft_tensor_device(const oft_tensor* tensor, char* buffer, size_t capacity,
                                     size_t* out_size, oft_error** out_error);

/** Whether operations on the tensor are recorded for oft_tensor_backward: 0 or 1. */
OFT_API oft_status oft_tensor_requires_grad(const oft_tensor* tensor, int32_t* out_requires,
                                            oft_error** out_error);

/** Returns: INVALID_STATE for the result of a recorded operation, INVALID_ARGUMENT for integers. */
OFT_API oft_status oft_tensor_set_requires_grad(oft_tensor* tensor, int32_t requires_grad,
                                                oft_error** out_error);

/**
 * Adds the gradients of a recorded result to the tensors that it was made from.
 * @param gradient that of the result; NULL where it is one number
 * @param retain_graph non-zero: the record can be used again
 * Returns: INVALID_STATE where nothing was recorded, or it was used up.
 */
OFT_API oft_status oft_tensor_backward(const oft_tensor* tensor, const oft_tensor* gradient,
                                       int32_t retain_graph, oft_error** out_error);

/** out_grad: new, shares memory; NULL where there is no gradient (yet). */
OFT_API oft_status oft_tensor_grad(const oft_tensor* tensor, oft_tensor** out_grad,
                                   oft_error** out_error);

OFT_API void oft_tensor_destroy(oft_tensor* tensor);

/* --------------------------------------------------------------- rotation ---- */

/**
 * The rotation that a configuration makes of parameters q.
 * @param q      [features / b, b(b-1)/2], one row with block_share; copied by reference
 * @param config its formula, terms, block_share, coft and eps apply; b follows from q
 * @param row_scale NULL, or [out]: PEFT 0.14-0.15's `oft_s`
 * @param out_rotation new
 * Returns: INVALID_ARGUMENT where q does not fit `features`.
 */
OFT_API oft_status oft_rotation_create(const oft_tensor* q, int64_t features,
                                       const oft_config* config, const oft_tensor* row_scale,
                                       oft_rotation** out_rotation, oft_error** out_error);

/** Text out: JSON with formula, terms, features, block_size, blocks, block_share, coft_eps. */
OFT_API oft_status oft_rotation_to_json(const oft_rotation* rotation, char* buffer, size_t capacity,
                                        size_t* out_size, oft_error** out_error);

/** The parameters as given. out_q: new, shares memory. */
OFT_API oft_status oft_rotation_q(const oft_rotation* rotation, oft_tensor** out_q,
                                  oft_error** out_error);

/** R, [blocks or 1, b, b], computed in `dtype` (float32 or float64). out_matrices: new. */
OFT_API oft_status oft_rotation_matrices(const oft_rotation* rotation, oft_dtype dtype,
                                         oft_tensor** out_matrices, oft_error** out_error);

/** R^-1, as oft_rotation_matrices. Returns: INVALID_ARGUMENT where a block is singular. */
OFT_API oft_status oft_rotation_inverse(const oft_rotation* rotation, oft_dtype dtype,
                                        oft_tensor** out_matrices, oft_error** out_error);

/** The angles of the planes that each block turns, radians, [blocks or 1, b/2]. out_angles: new. */
OFT_API oft_status oft_rotation_angles(const oft_rotation* rotation, oft_tensor** out_angles,
                                       oft_error** out_error);

/** The largest ||R^T R - I||_F of a block, of R as computed in `dtype`. */
OFT_API oft_status oft_rotation_orthogonality_error(const oft_rotation* rotation, oft_dtype dtype,
                                                    double* out_value, oft_error** out_error);

/** x R for x [..., features]. out_y: new, of x's dtype. */
OFT_API oft_status oft_rotation_apply(const oft_rotation* rotation, const oft_tensor* x,
                                      oft_tensor** out_y, oft_error** out_error);

/**
 * The weight of a layer after rotations, in the order of the forward; computed in float32 or
 * better, rounded once.
 * @param safe non-zero: INVALID_ARGUMENT where a result is not finite
 * @param out_weight new, of the weight's dtype
 * Returns: UNSUPPORTED where a weight of this kind cannot have this shape or dtype.
 */
OFT_API oft_status oft_rotation_merge(const oft_rotation* const* rotations, size_t count,
                                      const oft_tensor* weight, oft_layer_kind kind, int32_t safe,
                                      oft_tensor** out_weight, oft_error** out_error);

/**
 * Undoes oft_rotation_merge by the inverse of each block. out_weight: new.
 * Returns: as oft_rotation_merge; INVALID_ARGUMENT where a block is singular.
 */
OFT_API oft_status oft_rotation_unmerge(const oft_rotation* const* rotations, size_t count,
                                        const oft_tensor* weight, oft_layer_kind kind,
                                        oft_tensor** out_weight, oft_error** out_error);

OFT_API void oft_rotation_destroy(oft_rotation* rotation);

/* ---------------------------------------------------------------- adapter ---- */

/**
 * Reads an adapter folder (adapter_config.json with adapter_model.safetensors or .bin).
 * @param out_adapter new
 * Returns: NOT_FOUND, IO, PARSE, UNSUPPORTED (PEFT <= 0.13, other methods).
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
 * Text out: JSON with maker, layers (name, is_embedding, rows, block_size, dtype), replacements,
 * unused_keys, warnings.
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

/* ------------------------------------------------------------------ value ---- */

/** What TorchScript modules and operators take and give. Each constructor: out_value new. */
OFT_API oft_status oft_value_none(oft_value** out_value, oft_error** out_error);
OFT_API oft_status oft_value_from_tensor(const oft_tensor* tensor, oft_value** out_value,
                                         oft_error** out_error);
OFT_API oft_status oft_value_from_int(int64_t number, oft_value** out_value, oft_error** out_error);
OFT_API oft_status oft_value_from_double(double number, oft_value** out_value,
                                         oft_error** out_error);
OFT_API oft_status oft_value_from_bool(int32_t truth, oft_value** out_value, oft_error** out_error);
OFT_API oft_status oft_value_from_text(const char* text, size_t size, oft_value** out_value,
                                       oft_error** out_error);

/**
 * A list or a tuple of other values. A list takes the element type that its receiver wants.
 * @param kind OFT_VALUE_LIST or OFT_VALUE_TUPLE
 */
OFT_API oft_status oft_value_from_items(oft_value_kind kind, const oft_value* const* items,
                                        size_t count, oft_value** out_value, oft_error** out_error);

/** A dictionary; keys are texts, integers, doubles, booleans or tensors, all of one kind. */
OFT_API oft_status oft_value_from_entries(const oft_value* const* keys,
                                          const oft_value* const* items, size_t count,
                                          oft_value** out_value, oft_error** out_error);

/** Returns: UNSUPPORTED where the value has no number here. */
OFT_API oft_status oft_value_get_kind(const oft_value* value, oft_value_kind* out_kind,
                                      oft_error** out_error);

/** Each getter returns INVALID_ARGUMENT for a value of another kind. out_tensor: new. */
OFT_API oft_status oft_value_to_tensor(const oft_value* value, oft_tensor** out_tensor,
                                       oft_error** out_error);
OFT_API oft_status oft_value_to_int(const oft_value* value, int64_t* out_number,
                                    oft_error** out_error);
OFT_API oft_status oft_value_to_double(const oft_value* value, double* out_number,
                                       oft_error** out_error);
OFT_API oft_status oft_value_to_bool(const oft_value* value, int32_t* out_truth,
                                     oft_error** out_error);
OFT_API oft_status oft_value_to_text(const oft_value* value, char* buffer, size_t capacity,
                                     size_t* out_size, oft_error** out_error);

/** The number of items of a list, tuple or dictionary. */
OFT_API oft_status oft_value_size(const oft_value* value, size_t* out_size, oft_error** out_error);

/** An item of a list, tuple or dictionary (in order of insertion). out_item: new. */
OFT_API oft_status oft_value_item(const oft_value* value, size_t index, oft_value** out_item,
                                  oft_error** out_error);

/** A key of a dictionary. out_key: new. */
OFT_API oft_status oft_value_key(const oft_value* value, size_t index, oft_value** out_key,
                                 oft_error** out_error);

OFT_API void oft_value_destroy(oft_value* value);

/* --------------------------------------------------------------- operator ---- */

/**
 * Calls an operator of libtorch's dispatcher, recording gradients where an operand requires them.
 * @param name "aten::softmax", or with an overload, "aten::softmax.int"; without one, the first
 *             overload that takes the arguments
 * @param kwargs NULL, or a dictionary of texts to values
 * @param out_result new; a tuple where there are several results, none where there is none
 * Returns: NOT_FOUND naming the nearest operators; INVALID_ARGUMENT naming the signatures.
 */
OFT_API oft_status oft_operator_call(const char* name, size_t name_size,
                                     const oft_value* const* args, size_t count,
                                     const oft_value* kwargs, oft_value** out_result,
                                     oft_error** out_error);

/* ----------------------------------------------------------------- script ---- */

/**
 * Loads a TorchScript module; it is in the mode that it was saved in.
 * @param device "cpu", "cuda:0", ...
 * @param dtype an oft_dtype for floating-point parameters and buffers, or -1: as they are saved
 * @param out_script new
 * Returns: NOT_FOUND, IO, PARSE, UNSUPPORTED (a file of torch.save, .safetensors, ...), DEVICE.
 */
OFT_API oft_status oft_script_load(const char* path, size_t path_size, const char* device,
                                   size_t device_size, oft_dtype dtype, oft_script** out_script,
                                   oft_error** out_error);

/** The same from the bytes of a file; copied. */
OFT_API oft_status oft_script_load_bytes(const void* data, size_t data_size, const char* device,
                                         size_t device_size, oft_dtype dtype,
                                         oft_script** out_script, oft_error** out_error);

/** Writes the file atomically. Returns: IO. */
OFT_API oft_status oft_script_save(const oft_script* script, const char* path, size_t path_size,
                                   oft_error** out_error);

/**
 * out_report: new: JSON {"training", "methods": [names], "modules": [{"name", "kind",
 * "class_name"}...], "parameters" and "buffers": [{"name", "dtype", "shape", "device"}...]}.
 */
OFT_API oft_status oft_script_to_json(const oft_script* script, oft_text** out_report,
                                      oft_error** out_error);

/** A parameter or buffer. out_tensor: new, shares memory. Returns: NOT_FOUND. */
OFT_API oft_status oft_script_tensor(const oft_script* script, const char* name, size_t name_size,
                                     oft_tensor** out_tensor, oft_error** out_error);

/** Training mode (non-zero) or evaluation mode. Not safe beside other uses. */
OFT_API oft_status oft_script_train(oft_script* script, int32_t on, oft_error** out_error);

/**
 * Runs a method.
 * @param kwargs NULL, or a dictionary of texts to values
 * @param record_grad non-zero: gradients are recorded where a parameter or operand requires them
 * @param out_result new
 * Returns: NOT_FOUND (no such method); INVALID_ARGUMENT where arguments do not fit its signature.
 */
OFT_API oft_status oft_script_call(const oft_script* script, const char* method, size_t method_size,
                                   const oft_value* const* args, size_t count,
                                   const oft_value* kwargs, int32_t record_grad,
                                   oft_value** out_result, oft_error** out_error);

OFT_API void oft_script_destroy(oft_script* script);

/* ------------------------------------------------------------------ model ---- */

/**
 * An OFT model over a TorchScript module, which stays as it is. Safe to use from any number of
 * threads, but for steps of an optimizer on its parameters. `names` are JSON arrays of texts.
 * Every call but destroy and to_json returns INVALID_STATE after the model was unloaded, and
 * NOT_FOUND, naming those that exist, for an unknown adapter.
 * @param options JSON {"low_cpu_mem_usage": false, "keep_base_weights": true, "model_type": null,
 *                "output_embedding": null, "is_pretrained_model": false}; NULL: all defaults
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

/** Reads a folder into a new, inactive adapter, or at once into one that exists. */
OFT_API oft_status oft_model_load_adapter(oft_model* model, const char* path, size_t path_size,
                                          const char* name, size_t name_size, int32_t is_trainable,
                                          int32_t low_cpu_mem_usage, oft_error** out_error);

/** Writes adapters, all where `names` is NULL. Returns: IO. */
OFT_API oft_status oft_model_save_pretrained(const oft_model* model, const char* path,
                                             size_t path_size, const char* names, size_t names_size,
                                             oft_error** out_error);

/** Activates adapters, applied in this order. */
OFT_API oft_status oft_model_set_adapter(oft_model* model, const char* names, size_t names_size,
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

/* -------------------------------------------------------------- optimizer ---- */

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

/* ----------------------------------------------------------------- random ---- */

/** Seeds libtorch's generators of all devices: dropout, initial parameters, random operators. */
OFT_API oft_status oft_random_seed(uint64_t seed, oft_error** out_error);

/** The state of the CPU's generator, uint8. out_state: new. */
OFT_API oft_status oft_random_state(oft_tensor** out_state, oft_error** out_error);
OFT_API oft_status oft_random_set_state(const oft_tensor* state, oft_error** out_error);

/* ------------------------------------------------------- checkpoint merge ---- */

/**
 * A job that merges adapters into a checkpoint: a .safetensors file or a folder. Nothing is read
 * yet. Not safe from several threads at once.
 * @param out_merge new
 */
OFT_API oft_status oft_checkpoint_merge_create(const char* base, size_t base_size,
                                               oft_checkpoint_merge** out_merge,
                                               oft_error** out_error);

/** Adds an adapter folder; several apply in the order of a forward. */
OFT_API oft_status oft_checkpoint_merge_adapter(oft_checkpoint_merge* merge, const char* path,
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
 * Returns: NOT_FOUND, IO, PARSE, INVALID_ARGUMENT (layers and weights that do not fit),
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

/* ---------------------------------------------------------------- reports ---- */

/** The bytes of a result that is too costly to compute twice: borrowed, without terminator. NULL
 *  and 0 for NULL. */
OFT_API const char* oft_text_data(const oft_text* text, size_t* out_size);

OFT_API void oft_text_destroy(oft_text* text);

/**
 * Matches an adapter with a checkpoint and measures each rotation.
 * @param out_report new: JSON with layers, missing, unused, replaced, problems, warnings
 * Returns: NOT_FOUND, IO, PARSE, UNSUPPORTED; what merely fails the check is in the report.
 */
OFT_API oft_status oft_check_adapter(const char* base, size_t base_size, const char* adapter,
                                     size_t adapter_size, double max_orthogonality_error,
                                     oft_text** out_report, oft_error** out_error);

/**
 * What a path holds: adapter folder, checkpoint, diffusers pipeline, TorchScript file.
 * @param out_report new: JSON
 * Returns: NOT_FOUND, IO, PARSE, UNSUPPORTED (an adapter of another method).
 */
OFT_API oft_status oft_describe_path(const char* path, size_t path_size, oft_text** out_report,
                                     oft_error** out_error);

#ifdef __cplusplus
}
#endif

#endif
