/** The state of random generators. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_RANDOM_H
#define OFT_C_API_RANDOM_H

#include "oft/c_api/base.h"
#include "oft/c_api/tensor.h"

/** Seeds libtorch's generators of all devices: dropout, initial parameters, random operators. */
OFT_API oft_status oft_random_seed(uint64_t seed, oft_error** out_error);

/** The state of the CPU's generator, uint8. out_state: new. */
OFT_API oft_status oft_random_state(oft_tensor** out_state, oft_error** out_error);
OFT_API oft_status oft_random_set_state(const oft_tensor* state, oft_error** out_error);

#endif
