/** TorchScript modules. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_SCRIPT_H
#define OFT_C_API_SCRIPT_H

#include "oft/c_api/base.h"
#include "oft/c_api/tensor.h"
#include "oft/c_api/value.h"

typedef struct oft_script oft_script;

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

#endif
