/** Tensors of libtorch. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_TENSOR_H
#define OFT_C_API_TENSOR_H

#include "oft/c_api/base.h"

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

typedef struct oft_tensor oft_tensor;

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

#endif
