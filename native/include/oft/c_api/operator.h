/** Every operator of libtorch, by name. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_OPERATOR_H
#define OFT_C_API_OPERATOR_H

#include "oft/c_api/base.h"
#include "oft/c_api/value.h"

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

#endif
